"""What a fine-tuning run is: its model, data, method and bounds, as one YAML file says them.

It holds values and builds nothing. Every option is written here once, with its reason; a misspelt
key or a value out of range is an error that names it.
"""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Annotated, Any, Literal, Self

import yaml
from pydantic import BaseModel, Field, ValidationError, model_validator

from finetune.data.example import Split
from finetune.values import Count, Values, read_yaml
from tools.errors import BadInputError

Method = Literal["full", "lora", "qlora", "soft_prompt"]
Share = Annotated[float, Field(ge=0, le=1)]


class DataSet(Values):
    """A dataset to train on."""

    format: str = Field(description="Name of its format: `cytoscribe data formats`.")
    root: Path = Field(description="Its folder or file.")
    weight: float = Field(1.0, gt=0, description="Its share of the images drawn, relative.")
    limit: Count | None = Field(None, description="Images taken of a side, at most.")
    split: Split | Literal["all"] = Field("train", description="The side to train on.")
    limits: dict[str, float] = Field(
        default_factory=dict,
        description="Thresholds in place of the usual ones (laion: unsafe, watermark, similarity).",
    )


class Lora(Values):
    """Low-rank updates (Hu et al. 2021, arXiv:2106.09685)."""

    rank: Count = 8
    alpha: float = Field(16.0, gt=0)
    dropout: float = Field(0.0, ge=0, lt=1)
    targets: str | None = Field(
        None,
        description="Regular expression of the layers' full names; unset: every linear layer of the"
        " language model, and of the vision tower unless it is frozen.",
    )
    words: tuple[str, ...] = Field(
        (),
        description="Words whose tokens' embeddings are trained too: answers that the base was"
        " never taught, which updates of its layers alone do not bring it to say.",
    )


class SoftPrompt(Values):
    """Reserved tokens, trained, in front of every prompt (Lester et al. 2021, arXiv:2104.08691)."""

    length: Count = Field(16, description="Tokens.")
    start: str | None = Field(
        None, description="Words whose tokens they begin as; unset: tokens drawn by the seed."
    )


class FinetuneRecipe(Values):
    """Everything that determines a run but the machine."""

    model: str = Field(description="Hub id or folder of a PaliGemma 1 or 2 checkpoint.")
    revision: str | None = Field(None, description="Commit of the hub id; unset: the newest.")
    method: Method = "lora"
    lora: Lora = Lora()
    soft_prompt: SoftPrompt = SoftPrompt()
    freeze_vision: bool = Field(True, description="Leave the vision tower as it is.")
    data: tuple[DataSet, ...] = ()
    refuse_leaks: bool = Field(
        True, description="Compare the images of the sides first, and leave out what is repeated."
    )

    learning_rate: float = Field(2e-4, gt=0)
    schedule: Literal["cosine", "linear", "constant"] = "cosine"
    warm_up: int = Field(10, ge=0, description="Steps of rising learning rate.")
    weight_decay: float = Field(0.0, ge=0)
    clip: float = Field(1.0, gt=0, description="Largest norm of the gradient.")
    batch_size: Count = Field(8, description="Images (or texts alone) a forward and device.")
    accumulation: Count = Field(1, description="Forwards a step.")
    questions: Count = Field(4, description="Rows about one image at a time, at most.")
    packed: bool | None = Field(
        None,
        description="The rows of an image behind one copy of its tokens, where image tokens see"
        " only the image; unset: where the checkpoint allows it.",
    )
    longest: Count = Field(512, description="Text tokens of a row; a longer prefix is cut.")
    flips: bool = Field(False, description="Mirror images at random (none that has <loc> boxes).")

    max_steps: Count | None = None
    max_minutes: float | None = Field(None, gt=0)
    epochs: float | None = Field(None, gt=0, description="Passes over the sets.")
    eval_every: Count = Field(50, description="Steps between looks at the held-out rows.")
    eval_images: Count = Field(200, description="Held-out images looked at, at most.")
    patience: Count | None = Field(
        None, description="Looks without a better held-out loss before it stops; unset: never."
    )
    save_every: Count = Field(50, description="Steps between states to resume from.")

    dtype: Literal["auto", "float32", "bfloat16", "float16"] = Field(
        "auto", description="Of the base weights; auto: float32 on a CPU, else bfloat16."
    )
    bf16: bool = Field(False, description="Compute in bfloat16 (autocast).")
    gradient_checkpointing: bool = Field(False, description="Less memory, a third more time.")
    quantisation: Literal["nf4", "fp4", "int8"] = Field("nf4", description="Of a QLoRA base.")
    cache_mb: int = Field(1024, ge=0, description="Memory for decoded images.")
    towers_mb: int = Field(
        1024, ge=0, description="Memory for what a frozen vision tower made of images; 0: none."
    )
    workers: int = Field(1, ge=0, description="Threads that prepare batches ahead.")
    seed: int = 0

    @model_validator(mode="after")
    def _bounded(self) -> Self:
        if not (self.max_steps or self.max_minutes or self.epochs):
            raise ValueError("nothing ends the run: set max_steps, max_minutes or epochs")
        return self


def read_recipe(path: Path, changes: Sequence[str] = ()) -> FinetuneRecipe:
    """A recipe from YAML, with `key=value` changes (`lora.rank=16`, `data.0.limit=100`).

    Raises:
        BadInputError: not YAML, an unknown key, or a value out of range; all of them are named.
    """
    loaded = read_yaml(path)
    if not isinstance(loaded, dict):
        raise BadInputError(f"{path} holds no recipe; write keys such as 'model: …', one a line")
    for change in changes:
        _set(loaded, change)
    return recipe_of(loaded, str(path))


def recipe_of(values: Mapping[str, Any], name: str = "the recipe") -> FinetuneRecipe:
    """A recipe from plain values. Raises BadInputError as `read_recipe`."""
    try:
        return FinetuneRecipe.model_validate(values)
    except ValidationError as error:
        said = "; ".join(_in_words(dict(one)) for one in error.errors())
        raise BadInputError(f"{name}: {said}") from error


def _in_words(error: dict[str, Any]) -> str:
    key = ".".join(map(str, error["loc"]))
    if error["type"] == "extra_forbidden":
        return f"{key}: there is no such key; those there are: {', '.join(_keys(error['loc']))}"
    if error["type"] == "missing":
        return f"{key}: it is required and not there"
    value = f"{error['input']!r}: " if key else ""
    return f"{key}{': ' if key else ''}{value}{error['msg'].removeprefix('Value error, ')}"


def _keys(place: tuple[str | int, ...]) -> list[str]:
    parts: dict[str, type[BaseModel]] = {"lora": Lora, "soft_prompt": SoftPrompt, "data": DataSet}
    return list(parts.get(str(place[0]) if len(place) > 1 else "", FinetuneRecipe).model_fields)


def _set(values: dict[str, Any], change: str) -> None:
    key, equals, text = change.partition("=")
    *path, last = key.split(".")
    if not equals or not last:
        raise BadInputError(f"--set {change!r}: write key=value, such as lora.rank=16")
    place: Any = values
    try:
        for part in path:
            place = place[int(part)] if isinstance(place, list) else place.setdefault(part, {})
        place[int(last) if isinstance(place, list) else last] = yaml.safe_load(text)
    except (ValueError, IndexError, TypeError, AttributeError, yaml.YAMLError) as error:
        raise BadInputError(f"--set {change!r}: {key} has no such place in the recipe") from error
