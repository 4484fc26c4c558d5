"""Which pictures there are, and the set that a fresh library starts with."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass

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


@dataclass(frozen=True)
class Recipe:
    """An image of the starter set before it is drawn."""

    name: str  # "cell-007"
    kind: str
    variant: str
    seed: tuple[int, ...]

    def draw(self) -> Drawn:
        return draw(self.kind, self.seed, self.variant)


def starter_recipes(seed: int = 0) -> tuple[Recipe, ...]:
    """Three hundred images; variants take turns, and kinds are mixed in any part of the list."""
    recipes = []
    for number, (kind, n) in enumerate(STARTER.items()):
        variants = VARIANTS[kind]
        for i in range(n):
            recipe = Recipe(f"{kind}-{i:03d}", kind, variants[i % len(variants)], (seed, number, i))
            recipes.append(((i + 0.5) / n, recipe))
    return tuple(recipe for _, recipe in sorted(recipes, key=lambda pair: pair[0]))


def starter_set(seed: int = 0) -> Iterator[tuple[str, Drawn]]:
    """The starter set, drawn one by one, with the names of its recipes."""
    for recipe in starter_recipes(seed):
        yield recipe.name, recipe.draw()
