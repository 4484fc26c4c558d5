"""`python -m finetune.data.held_out DATA OUT`: lists of the images that training never sees.

One csv a set, with the names that `cytoscribe eval descriptions --split` understands. Which side
an image is on follows from its name (`splits.side_of`); near-duplicates of an image on another
side, which the split refuses, are left out.
"""

import csv
from collections.abc import Mapping, Sequence
from pathlib import Path

import click

from eval.truth import Dataset
from finetune.data.collection import DATASETS, load
from finetune.data.example import Example, Split

# Sets with a layout that the evaluation reads: name of the list, its --dataset.
LAYOUTS: Mapping[str, Dataset] = {
    "pbc_wbcatt": "wbcatt",
    "bccd": "voc",
    "nuclei_dsb2018": "masks",
    "crc_val_he_7k": "classes",
}


def folder_of(source: str) -> str:
    """Where a set lies below the training data."""
    return next(folder for folder in DATASETS if Path(folder).name == source)


def write_lists(examples: Sequence[Example], side: Split, out: Path) -> list[Path]:
    """<set>.<side>.csv of every set that has images among the examples."""
    out.mkdir(parents=True, exist_ok=True)
    written = []
    for source in LAYOUTS:
        names = sorted(example.name for example in examples if example.source == source)
        if names:
            written.append(out / f"{source}.{side}.csv")
            with written[-1].open("w", newline="", encoding="utf-8") as file:
                csv.writer(file, lineterminator="\n").writerows([["image"], *([n] for n in names)])
    return written


@click.command(context_settings={"show_default": True})
@click.argument("data", type=click.Path(exists=True, file_okay=False, path_type=Path))
@click.argument("out", type=click.Path(file_okay=False, path_type=Path))
@click.option("--side", type=click.Choice(["dev", "test"]), default="test", help="Of the split.")
def main(data: Path, out: Path, side: Split) -> None:
    """Write the held-out images of every set below DATA as lists into OUT.

    \b
    Example:
      python -m finetune.data.held_out ../data splits/
      cytoscribe eval descriptions --dataset voc --root ../data/bccd --split splits/bccd.test.csv
    """
    parts, refused = load(data)
    for path in write_lists(parts[side], side, out):
        click.echo(path)
    click.echo(f"{len(refused)} near-duplicates left out.")


if __name__ == "__main__":
    main()
