"""Ten steps of training on each dataset the project names, and what its reader took and left out.

python docs/scripts/ten_steps.py DATA --out docs/benchmarks/datasets.md
DATA is the folder of the development sets. Where a set's pictures may not be passed on (APTOS) or
nothing of it is kept (LAION, notes of MIMIC-III), files in the official form are made with drawn
stand-ins; the table says so. Ten steps show that a set can be learned from, not what it is worth.
"""

import csv
import io
import json
import os
import platform
import tarfile
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import click
import numpy as np
from PIL import Image

from finetune.data.formats import FORMATS
from finetune.recipe import read_recipe
from finetune.training import train

RECIPE = Path(__file__).parents[2] / "finetune" / "recipes" / "ten-steps.yaml"
REAL, STAND_IN = "real files", "official form, drawn or made up"
Make = Callable[[Path], Path]


@dataclass(frozen=True)
class Named:
    """A dataset to train on: its folder below DATA, or how to make one."""

    name: str
    format: str
    place: str | Make
    kind: str = REAL


@dataclass(frozen=True)
class Tried:
    """What became of it."""

    named: Named
    rows: int
    images: int
    dropped: str
    before: float | None
    after: float | None
    seconds: float


def drawn(seed: int, size: int = 96) -> bytes:
    """A disc on a dark ground, as a JPEG; nobody's eye."""
    draw = np.random.default_rng(seed)
    y, x = np.mgrid[:size, :size] - size / 2
    disc = (np.hypot(x, y) < size * draw.uniform(0.3, 0.48))[..., None]
    colour = draw.integers(60, 220, 3)
    pixels = np.where(disc, colour, 12) + draw.integers(0, 12, (size, size, 3))
    file = io.BytesIO()
    Image.fromarray(pixels.clip(0, 255).astype(np.uint8)).save(file, "JPEG")
    return file.getvalue()


def aptos(folder: Path) -> Path:
    """train.csv and train_images/, as Kaggle has them, 60 drawn photographs."""
    (folder / "train_images").mkdir(parents=True)
    with (folder / "train.csv").open("w", newline="") as file:
        table = csv.writer(file)
        table.writerow(["id_code", "diagnosis"])
        for number in range(60):
            code = f"{number:012x}"
            (folder / "train_images" / f"{code}.png").write_bytes(drawn(number))
            table.writerow([code, number % 5])
    return folder


def laion(folder: Path) -> Path:
    """One shard of img2dataset, 60 pairs, a third of which LAION's filters refuse."""
    folder.mkdir(parents=True)
    with tarfile.open(folder / "00000.tar", "w") as shard:
        for number in range(60):
            key, score = f"{number:09d}", {"punsafe": 0.9 if number % 3 == 0 else 0.01}
            told = {"key": key, "caption": f"a drawn disc number {number}", "similarity": 0.33,
                    "pwatermark": 0.1, **score}  # fmt: skip
            parts = {"jpg": drawn(number), "txt": told["caption"].encode(),
                     "json": json.dumps(told).encode()}  # fmt: skip
            for ending, content in parts.items():
                entry = tarfile.TarInfo(f"{key}.{ending}")
                entry.size = len(content)
                shard.addfile(entry, io.BytesIO(content))
    return folder


def notes(folder: Path) -> Path:
    """NOTEEVENTS.csv of MIMIC-III, 60 made-up notes of nobody."""
    folder.mkdir(parents=True)
    columns = ["ROW_ID", "SUBJECT_ID", "HADM_ID", "CHARTDATE", "CHARTTIME", "STORETIME", "CATEGORY",
               "DESCRIPTION", "CGID", "ISERROR", "TEXT"]  # fmt: skip
    kinds = {
        "Radiology": "Chest film without effusion.",
        "Nursing": "Slept well, no pain.",
        "Discharge summary": "Admission Date: [**2101-1-1**] Discharged home in good state.",
    }
    with (folder / "NOTEEVENTS.csv").open("w", newline="") as file:
        table = csv.writer(file, quoting=csv.QUOTE_NONNUMERIC)
        table.writerow(columns)
        for number in range(60):
            kind, text = list(kinds.items())[number % len(kinds)]
            table.writerow([number, number // 2, number, "2101-01-01", "", "", kind, "Report", "",
                            "", f"Note {number}. {text}"])  # fmt: skip
    return folder


def jsonl(folder: Path) -> Path:
    """PaliGemma's own lines."""
    folder.mkdir(parents=True)
    lines = []
    for number in range(60):
        (folder / f"{number}.jpg").write_bytes(drawn(number))
        lines.append({"image": f"{number}.jpg", "prefix": "caption en", "suffix": "a drawn disc"})
    (folder / "train.jsonl").write_text("".join(json.dumps(line) + "\n" for line in lines))
    return folder


SETS = (
    Named("PubMedQA", "pubmedqa", "pubmedqa"),
    Named("ChestX-ray14", "chestxray14", "format_samples/chestxray14"),
    Named("APTOS 2019", "aptos", aptos, STAND_IN),
    Named("MIMIC-III (open demo)", "mimic", "format_samples/mimic-iii-clinical-database-demo-1.4"),
    Named("MIMIC-III, notes", "mimic", notes, STAND_IN),
    Named("Vision-FLAN", "vision-flan", "format_samples/vision-flan_191-task_1k"),
    Named("LAION", "laion", laion, STAND_IN),
    Named("WBCAtt / PBC", "wbcatt", "pbc_wbcatt"),
    Named("BCCD", "voc", "bccd"),
    Named("Chula RBC-12", "points", "chula_rbc12"),
    Named("DSB 2018 nuclei", "masks", "nuclei_dsb2018"),
    Named("malaria cells", "classes", "malaria_nih"),
    Named("microscopy zoo", "captions", "microscopy_zoo"),
    Named("JSONL", "jsonl", jsonl, STAND_IN),
)


def tried(named: Named, data: Path, folder: Path) -> Tried:
    """Ten steps on one set."""
    root = data / named.place if isinstance(named.place, str) else named.place(folder / "set")
    changes = (f"data.0.format={named.format}", f"data.0.root={root}")
    began = time.monotonic()
    trained = train(read_recipe(RECIPE, changes), folder / "run", say=lambda _: None)
    count = json.loads((folder / "run" / "rows" / "chosen.json").read_text())[0]["count"]
    why = ", ".join(f"{number:,} {reason}" for reason, number in count["dropped"].items())
    return Tried(
        named, count["rows"], count["images"], why or "none", trained.held_out_before,
        trained.held_out, time.monotonic() - began,
    )  # fmt: skip


def page(done: list[Tried]) -> str:
    """The table."""
    lines = [
        "# Ten steps on each named dataset",
        "",
        f"`python docs/scripts/ten_steps.py DATA`, {datetime.now(UTC).date()}, {platform.system()},"
        f" {os.cpu_count()} cores, no GPU; the lite checkpoint, LoRA of rank 8, 8 images a step"
        " (`finetune/recipes/ten-steps.yaml`). By hand, for one of them:",
        "",
        "    cytoscribe finetune --config finetune/recipes/ten-steps.yaml --out runs/ten \\",
        "      --set data.0.format=pubmedqa --set data.0.root=data/pubmedqa",
        "",
        "Loss is of a learned token on held-out rows, before and after; after is the best look, so"
        " it is never above before. Ten steps show that a set is read and learned from, no more.",
        "",
        "| dataset | format | files | rows read | items to train on | left out | teaches | loss"
        " before → after | seconds |",
        "|---|---|---|---|---|---|---|---|---|",
    ]
    for one in done:
        loss = "–" if one.before is None else f"{one.before:.2f} → {one.after:.2f}"
        lines.append(
            f"| {one.named.name} | `{one.named.format}` | {one.named.kind} | {one.rows:,} |"
            f" {one.images:,} | {one.dropped} | {FORMATS[one.named.format].teaches} | {loss} |"
            f" {one.seconds:.0f} |"
        )
    return "\n".join(lines) + "\n"


@click.command()
@click.argument("data", type=click.Path(exists=True, file_okay=False, path_type=Path))
@click.option("--out", type=click.Path(dir_okay=False, path_type=Path))
def main(data: Path, out: Path | None) -> None:
    """Train ten steps on each dataset below DATA and write the table."""
    done = []
    for named in SETS:
        with tempfile.TemporaryDirectory() as folder:
            done.append(tried(named, data, Path(folder)))
        click.echo(f"{named.name}: {done[-1]}", err=True)
    click.echo(page(done)) if out is None else out.write_text(page(done), "utf-8")


if __name__ == "__main__":
    main()
