"""What the microscope's camera does to the light: blur, noise, eight bits."""

import numpy as np
from numpy.typing import NDArray
from skimage.filters import gaussian

from tools.simulate.shapes import Field


def blurred(light: Field, sigma: float) -> Field:
    """A Gaussian blur of `sigma` pixels over the first two axes."""
    channels = -1 if light.ndim == 3 else None
    seen = gaussian(light, sigma, channel_axis=channels, preserve_range=True)  # type: ignore[no-untyped-call]
    return np.asarray(seen, np.float32)


def digitised(light: Field, rng: np.random.Generator, noise: float) -> NDArray[np.uint8]:
    """Light of 0 to 255 with camera noise of that spread, rounded to bytes."""
    seen = light + np.float32(noise) * rng.standard_normal(light.shape, np.float32)
    return np.asarray(np.clip(np.rint(seen), 0, 255), np.uint8)
