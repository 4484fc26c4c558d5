"""A library of real cells and abstracts, from the development data: a slice of it, or all."""

import csv
import json
import os
import subprocess
import sys
from pathlib import Path

IMAGE_SETS = (  # folder, layout, licence
    ("pbc_wbcatt", "wbcatt", "CC BY 4.0"),
    ("bccd", "voc", "MIT"),
    ("nuclei_dsb2018", "masks", "CC0 1.0"),
)
LITERATURE = ("pubmedqa/data/ori_pqal.json", "ncbi_disease/NCBItrainset_corpus.txt")
EACH = 8  # images of a class, or of a set without classes, in the slice
ARTICLES = 60


def asked_about(shared: Path, cell: str = "Neutrophil") -> Path:
    """A leukocyte of WBCAtt's validation rows: the model was not trained on it."""
    folder = shared / "pbc_wbcatt"
    with (folder / "pbc_attr_v1_val.csv").open() as rows:
        names = sorted(row["img_name"] for row in csv.DictReader(rows) if row["label"] == cell)
    return next((folder / "PBC_dataset_normal_DIB").rglob(names[-1]))


def fill(data: Path, shared: Path, *, without: Path) -> None:
    """Ingest the sets at `shared` into the page's library, as a user does; not image `without`."""
    for folder, layout, licence in IMAGE_SETS:
        source = _linked(shared / folder, data / "sets" / folder, without)
        _run(data, "images", source, "--layout", layout, "--source", folder, "--licence", licence)
    for file in LITERATURE:
        _run(data, "literature", shared / file)


def slice_of(shared: Path, folder: Path) -> Path:
    """Links to a few images of each class and set, and the first articles of each corpus."""
    for name, _, _ in IMAGE_SETS:
        _link_some(shared / name, folder / name)
    questions = json.loads((shared / LITERATURE[0]).read_text())
    _write(folder / LITERATURE[0], json.dumps(dict(list(questions.items())[:ARTICLES])))
    records = (shared / LITERATURE[1]).read_text().strip().split("\n\n")
    _write(folder / LITERATURE[1], "\n\n".join(records[:ARTICLES]) + "\n")
    return folder


def _link_some(source: Path, target: Path) -> None:
    for directory in [source, *sorted(p for p in source.rglob("*") if p.is_dir())]:
        if "official_layout_sample" in directory.parts:
            continue
        pictures = [p for p in sorted(directory.iterdir()) if p.suffix in (".jpg", ".png", ".xml")]
        tables = [p for p in directory.iterdir() if p.suffix == ".csv"]
        for file in pictures[:EACH] + tables:
            _link(file, target / file.relative_to(source))
    _trim_tables(target)


def _trim_tables(folder: Path) -> None:
    """WBCAtt's tables, without the rows of images that are not in the slice."""
    for table in folder.glob("pbc_attr_v1_*.csv"):
        head, *rows = table.read_text().splitlines()
        here = {path.name for path in folder.rglob("*.jpg")}
        kept = [row for row in rows if row.split(",")[0] in here]
        table.unlink()
        table.write_text("\n".join([head, *kept]) + "\n")


def _linked(source: Path, target: Path, without: Path) -> Path:
    """`source` under another folder, by links, so that one image can be kept out of it."""
    for file in sorted(p for p in source.rglob("*") if p.is_file() and p.name != without.name):
        if "official_layout_sample" not in file.parts:
            _link(file, target / file.relative_to(source))
    return target


def _link(file: Path, target: Path) -> None:
    target.parent.mkdir(parents=True, exist_ok=True)
    target.symlink_to(file.resolve())


def _write(file: Path, text: str) -> None:
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(text)


def _run(data: Path, *words: str | Path) -> None:
    command = [sys.executable, "-m", "agent", "ingest", *map(str, words)]
    environment = {**os.environ, "CYTOSCRIBE_DATA_DIR": str(data)}
    done = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=1800)
    if done.returncode not in (0, 3):  # 3: some files were skipped, by name
        raise RuntimeError(f"{' '.join(command)}: {done.stderr}")
