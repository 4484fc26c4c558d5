"""What a comparison is: checkpoints, methods and datasets, as one YAML file says them.

It holds values and builds nothing. The same file compares other checkpoints, sizes or resolutions
by other ids.
"""

from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any, Literal, get_args

from pydantic import Field, ValidationError

from finetune.data.example import Split
from finetune.recipe import FinetuneRecipe, Method, recipe_of
from finetune.values import Count, Values, read_yaml
from tools.errors import BadInputError

Way = Literal["zero-shot", "hard prompt", "soft prompt", "LoRA", "full"]
WAYS: tuple[Way, ...] = get_args(Way)
TRAINED: Mapping[Way, Method] = {"soft prompt": "soft_prompt", "LoRA": "lora", "full": "full"}
COUNT = "count:"  # begins a field whose answers are numbers, generated


class Compared(Values):
    """A dataset to compare on."""

    format: str = Field(description="Name of its format.")
    root: Path = Field(description="Its folder or file; a relative one is below the YAML's folder.")
    fields: tuple[str, ...] = Field((), description="What is asked; the first one is the main one.")
    text: str | None = Field(
        None,
        description="Prefix of the rows that are answered in free words, such as 'describe en'; "
        "'*': all rows that ask for none of the fields.",
    )
    train: Count = Field(300, description="Images to train on, at most.")
    dev: Count = Field(100, description="Images to choose prompts and weights on, at most.")
    test: Count = Field(500, description="Images to compare on, at most.")
    dev_from: Split = Field(
        "dev", description="Side whose groups are halved into it and the development side."
    )


class Search(Values):
    """The search for a hard prompt, on the development side."""

    prompts: Annotated[int, Field(ge=2)] = 24
    budget: Count = 1500
    cases: bool = Field(False, description="Try similar training cases as examples.")


class CompareConfig(Values):
    """Everything that determines a comparison but the machine."""

    models: dict[str, str] = Field(
        min_length=1, description="Name: checkpoint, or checkpoint+adapter (folders or hub ids)."
    )
    methods: tuple[Way, ...] = WAYS
    datasets: dict[str, Compared] = Field(min_length=1)
    training: dict[Way, dict[str, Any]] = Field(
        {}, description="By method, what its recipe says otherwise: max_steps, learning_rate, …"
    )
    search: Search = Search()
    dtype: str = "auto"
    longest: Count = Field(512, description="Text tokens of a prompt; a longer one is cut.")
    seed: int = 0

    def recipe(self, way: Way, model: str) -> FinetuneRecipe:
        """The recipe of a trained method on a checkpoint; BadInputError names what is wrong."""
        values = {"max_steps": 100, "longest": self.longest, "seed": self.seed}
        values |= self.training.get(way, {})
        named = f"training.{way}"
        return recipe_of({**values, "model": model, "method": TRAINED[way]}, named)


def read_config(path: Path) -> CompareConfig:
    """A comparison from YAML.

    Raises:
        BadInputError: not YAML, an unknown key, or a value that is none; all of them are named.
    """
    try:
        config = CompareConfig.model_validate(read_yaml(path))
    except ValidationError as error:
        said = "; ".join(f"{_place(one['loc'])}: {one['msg']}" for one in error.errors())
        raise BadInputError(f"{path}: {said}") from error
    for way in set(config.methods) & set(TRAINED):
        config.recipe(way, "any")
    return _placed(config, path.parent)


def _place(place: tuple[int | str, ...]) -> str:
    return ".".join(map(str, place)) or "the file"


def _placed(config: CompareConfig, folder: Path) -> CompareConfig:
    """Roots and checkpoint folders beside the YAML file, wherever it is read from."""
    datasets = {
        name: data.model_copy(update={"root": folder / data.root.expanduser()})
        for name, data in config.datasets.items()
    }
    models = {
        name: "+".join(_beside(part, folder) for part in model.split("+"))
        for name, model in config.models.items()
    }
    return config.model_copy(update={"datasets": datasets, "models": models})


def _beside(part: str, folder: Path) -> str:
    beside = folder / Path(part).expanduser()
    return str(beside) if beside.is_dir() else part
