"""Which pictures there are, and the set that a fresh library starts with."""

from collections.abc import Callable, Iterator, Mapping, Sequence

import numpy as np

from tools.errors import BadInputError
from tools.simulate.blood import draw_cell, draw_single_red_cell, draw_smear
from tools.simulate.drawn import Drawn
from tools.simulate.leukocytes import TYPES
from tools.simulate.nuclei import SIZES, draw_nuclei
from tools.simulate.red_cells import FORMS
from tools.simulate.tissue import TISSUES, draw_tissue

VARIANTS: Mapping[str, tuple[str, ...]] = {
    "cell": tuple(TYPES),
    "smear": tuple(TYPES),
    "red_cell": tuple(FORMS),
    "nuclei": tuple(SIZES),
    "tissue": tuple(TISSUES),
}
STARTER: Mapping[str, int] = {"cell": 140, "smear": 40, "red_cell": 33, "nuclei": 45, "tissue": 42}

_DRAW: Mapping[str, Callable[[np.random.Generator, str], Drawn]] = {
    "cell": draw_cell,
    "smear": draw_smear,
    "red_cell": draw_single_red_cell,
    "nuclei": draw_nuclei,
    "tissue": draw_tissue,
}


def draw(kind: str, seed: int | Sequence[int], variant: str | None = None) -> Drawn:
    """One image of a kind and variant of `VARIANTS`; the same arguments give the same pixels.

    Without a variant the seed chooses one. Raises BadInputError for an unknown kind or variant.
    """
    if kind not in VARIANTS:
        raise BadInputError(f"nothing is drawn of kind {kind!r}; choose from {', '.join(VARIANTS)}")
    if variant is not None and variant not in VARIANTS[kind]:
        known = ", ".join(VARIANTS[kind])
        raise BadInputError(f"no {kind} of variant {variant!r} is drawn; choose from {known}")
    rng = np.random.default_rng(seed)
    return _DRAW[kind](rng, variant or str(rng.choice(VARIANTS[kind])))


def starter_set(seed: int = 0) -> Iterator[tuple[str, Drawn]]:
    """Three hundred images, each with a name of its own; variants take turns."""
    for number, (kind, n) in enumerate(STARTER.items()):
        for i in range(n):
            variant = VARIANTS[kind][i % len(VARIANTS[kind])]
            yield f"{kind}-{i:03d}", draw(kind, (seed, number, i), variant)
