"""One row to train on, whatever dataset and format it came from.

A row is what PaliGemma learns from: an image or none, a prefix, a suffix (Beyer et al. 2024,
arXiv:2407.07726). Its image is opened only when it is used, so that a set is never in memory.
"""

from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from finetune.data.example import Pixels, Split

Encoded = bytes  # an image file in memory, as from a shard or a table
ImageSource = Path | Encoded | Pixels


@dataclass(frozen=True, eq=False)
class Row:
    """A prompt about an image, or about a text in it, with its answer."""

    name: str  # of the image or document; rows of one image follow each other
    image: ImageSource | None  # None: a row of text alone, trained without image tokens
    prefix: str
    suffix: str
    group: str  # patient, slide or source: never on two sides of a split
    source: str  # the dataset
    licence: str
    truth: Mapping[str, str] = field(default_factory=dict)  # fields, for the official metric
    split: Split | None = None  # where the dataset says


Dropped = Counter[str]  # why rows were left out, and how many


@dataclass(frozen=True)
class RowFormat:
    """A format that rows are read from."""

    name: str
    looks_for: str  # files and columns, as an error says them
    read: Callable[[Path, Dropped], Iterator[Row]]  # BadInputError where the layout is another
    teaches: str  # what a model learns from it, for the table in the documentation
