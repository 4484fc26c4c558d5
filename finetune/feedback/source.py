"""A recipe that learns from feedback: its set is an export, made before or made now.

`feedback` stands for the corrections in the database of the settings, `feedback:DIR` for a folder
that `cytoscribe feedback export` wrote.
"""

import json
from collections.abc import Callable, Sequence
from pathlib import Path

from finetune.data import feedback
from finetune.recipe import FinetuneRecipe, read_recipe
from finetune.run import STATE
from tools.errors import BadInputError

RECIPE = Path(__file__).parents[1] / "recipes" / "feedback.yaml"
NAME = "feedback"


def folder_of(source: str) -> Path | None:
    """The folder that a source names; None where it is to be exported.

    Raises:
        BadInputError: it is no source.
    """
    name, _, folder = source.partition(":")
    if name != NAME or source.endswith(":"):
        raise BadInputError(f"--from {source!r}: write feedback, or feedback:DIR of an export")
    return Path(folder) if folder else None


def recipe_from(
    folder: Path, config: Path | None, model: str, changes: Sequence[str]
) -> FinetuneRecipe:
    """The recipe, its set of format feedback read from `folder`; without `config` the shipped
    recipe with `model` in it.

    Raises:
        BadInputError: as `read_recipe`, or the recipe has no set of that format.
    """
    own = [f"model={json.dumps(model)}"] if config is None else []
    recipe = read_recipe(config or RECIPE, [*own, *changes])
    if feedback.FORMAT.name not in [one.format for one in recipe.data]:
        raise BadInputError(
            f"{config}: no set learns from feedback; add '- {{format: feedback, root: .}}' to data"
        )
    data = tuple(
        one.model_copy(update={"root": folder}) if one.format == feedback.FORMAT.name else one
        for one in recipe.data
    )
    return recipe.model_copy(update={"data": data})


def exported(run: Path, make: Callable[[Path], object]) -> Path:
    """Where a run's own export is: made by `make`, unless the run has begun and keeps its own."""
    folder = run / NAME
    if not ((run / STATE).exists() and (folder / feedback.MARK).is_file()):
        make(folder)
    return folder
