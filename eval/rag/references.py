"""What the rows refer to: image files, the articles and cases of the library.

It reads the library and the starter library's drawings; it judges nothing.
"""

from collections.abc import Mapping, Sequence
from functools import lru_cache
from pathlib import Path

from eval.rag.rows import Row
from tools.errors import BadInputError
from tools.images import image_id_of
from tools.simulate import VARIANTS, Recipe, starter_recipes
from tools.starter import SEED, picture_bytes
from tools.store import Store

STARTER = "starter:"


@lru_cache(maxsize=1)
def _recipes() -> Mapping[str, Recipe]:
    return {recipe.name: recipe for recipe in starter_recipes(SEED)}


def image_bytes(image: str, beside: Path) -> bytes:
    """An image of the starter library, or a file named relative to the folder `beside`."""
    if image.startswith(STARTER):
        return picture_bytes(_recipe(image.removeprefix(STARTER)))
    try:
        return (beside / image).read_bytes()
    except OSError as error:
        raise BadInputError(
            f"the image {beside / image} cannot be read: {error.strerror}; images are named "
            "relative to the folder of the rows"
        ) from error


def _recipe(name: str) -> Recipe:
    if name not in _recipes():
        raise BadInputError(f"{STARTER}{name} is not in the starter library (cell-000, nuclei-044)")
    return _recipes()[name]


class References:
    """The reference ids of rows as the library has them; the drawings lie in `folder`, or not."""

    def __init__(self, store: Store, folder: Path) -> None:
        self._store, self._folder = store, folder
        self._ids: dict[str, str] = {}  # recipe name -> image id

    def ids(self, row: Row) -> tuple[str, ...]:
        """The ids, with each class of the starter library in place of its name."""
        return tuple(one for reference in row.reference_ids for one in self._expanded(reference))

    def texts(self, ids: Sequence[str]) -> tuple[str, ...]:
        """The passages of the articles among the ids."""
        return tuple(self._store.passages_of([one for one in ids if is_article(one)]))

    def missing(self, rows: Sequence[Row]) -> list[str]:
        """Articles that rows refer to and the library does not hold."""
        wanted = sorted({one for row in rows for one in row.reference_ids if is_article(one)})
        known = self._store.known_articles(wanted)
        return [one for one in wanted if one not in known]

    def _expanded(self, reference: str) -> Sequence[str]:
        if not reference.startswith(STARTER):
            return [reference]
        name = reference.removeprefix(STARTER)
        if "/" not in name:
            return [self._image_id(_recipe(name))]
        kind, variant = name.split("/", 1)
        if variant not in VARIANTS.get(kind, ()):
            raise BadInputError(f"{reference} names no class of the starter library")
        same = [r for r in _recipes().values() if (r.kind, r.variant) == (kind, variant)]
        return [self._image_id(recipe) for recipe in same]

    def _image_id(self, recipe: Recipe) -> str:
        if recipe.name not in self._ids:
            file = self._folder / f"{recipe.name}.jpg"
            data = file.read_bytes() if file.is_file() else picture_bytes(recipe)
            self._ids[recipe.name] = image_id_of(data)
        return self._ids[recipe.name]


def is_article(reference: str) -> bool:
    """Whether an id is that of an article, not of an image."""
    return not reference.startswith((STARTER, "img-"))
