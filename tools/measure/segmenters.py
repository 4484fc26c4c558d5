"""Who segments nuclei: our own classical method, or Cellpose or StarDist where they are installed.

Their weights are fetched by their own packages on first use and never shipped here; which licence
they carry is the user's matter. A package is imported only when it is chosen. Written against
Cellpose 4.2 (Pachitariu and Stringer) and StarDist 0.9 (Schmidt et al., MICCAI 2018).
"""

from importlib import import_module
from typing import Any, Protocol

import numpy as np

from tools.errors import BadInputError, ModelUnavailableError
from tools.measure.nuclei import is_dark, label_nuclei
from tools.measure.regions import Labels, Pixels

PIP = {
    "cellpose": "pip install 'cytoscribe[segment]'",
    "stardist": "pip install stardist tensorflow",
}


class Segmenter(Protocol):
    """RGB pixels (height, width, 3) in, labels (height, width) out; 0 is background."""

    def __call__(self, pixels: Pixels) -> Labels: ...


def open_segmenter(name: str) -> Segmenter:
    """The segmenter of that name; ModelUnavailableError says what to install or fetch."""
    if name == "scikit-image":
        return label_nuclei
    if name not in PIP:
        known = ", ".join(("scikit-image", *PIP))
        raise BadInputError(f"segmenter {name!r} is not known; choose one of {known}")
    return _Cellpose() if name == "cellpose" else _StarDist()


def _imported(module: str, package: str) -> Any:
    try:
        return import_module(module)
    except ImportError as e:
        raise ModelUnavailableError(
            f"the segmenter {package} cannot be imported ({e}); install it with "
            f"`{PIP[package]}`, or set CYTOSCRIBE_SEGMENTER=scikit-image. Its weights are fetched "
            "by the package itself and are not part of Cytoscribe."
        ) from e


def _loaded(package: str, load: Any, *names: str) -> Any:
    """Weights by name; a download that fails becomes a sentence."""
    try:
        return load(*names)
    except Exception as e:
        raise ModelUnavailableError(
            f"the weights of {package} could not be loaded ({e}); {package} fetches them itself: "
            "start it once where the network is reachable."
        ) from e


class _Cellpose:
    """Cellpose-SAM: one model for all images, no diameter needed."""

    def __init__(self) -> None:
        models = _imported("cellpose.models", "cellpose")
        self._model = _loaded("cellpose", models.CellposeModel)

    def __call__(self, pixels: Pixels) -> Labels:
        masks, *_ = self._model.eval(pixels)
        return np.asarray(masks, dtype=np.int32)


class _StarDist:
    """StarDist's two models: dark backgrounds (fluorescence) and haematoxylin and eosin."""

    def __init__(self) -> None:
        self._load = _imported("stardist.models", "stardist").StarDist2D.from_pretrained
        self._normalise = _imported("csbdeep.utils", "stardist").normalize
        self._models: dict[str, Any] = {}

    def __call__(self, pixels: Pixels) -> Labels:
        dark = is_dark(pixels.astype(np.float32) / np.float32(255))
        name = "2D_versatile_fluo" if dark else "2D_versatile_he"
        if name not in self._models:
            self._models[name] = _loaded("stardist", self._load, name)
        image = pixels.max(2) if dark else pixels
        labels, _ = self._models[name].predict_instances(self._normalise(image, 1, 99.8))
        return np.asarray(labels, dtype=np.int32)
