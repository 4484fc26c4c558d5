"""Write docs/benchmarks/descriptions/README.md: the held-out side of each set, measured.

    python docs/scripts/bench_descriptions.py DATA [--out FILE] [--model M] [--side dev|test]

DATA holds the sets as training reads them. Each table is what `cytoscribe eval descriptions` gives
on the list that `python -m finetune.data.held_out` writes; both commands are printed beside it. The
lists and the full JSON of each run go beside FILE.
"""

import argparse
import json
import os
import platform
import re
import sys
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[2]
sys.path[:0] = [str(ROOT)]

from agent.build import open_model  # noqa: E402
from agent.settings import load_settings  # noqa: E402
from eval.evaluation import Request, evaluate  # noqa: E402
from eval.measuring import Limits  # noqa: E402
from eval.table import CONTROLS, NOTE, notes, rows  # noqa: E402
from finetune.data.collection import load  # noqa: E402
from finetune.data.held_out import LAYOUTS, folder_of, write_lists  # noqa: E402

# What a layout does not tell, but the source of the set does.
STATED = {"crc_val_he_7k": ("stained histology", "hematoxylin and eosin")}


def machine() -> str:
    """The processor, its cores, and what PyTorch may use of them."""
    import torch

    cpuinfo = Path("/proc/cpuinfo")
    named = re.search(r"model name\s*: (.+)", cpuinfo.read_text()) if cpuinfo.exists() else None
    name = named[1] if named else platform.processor() or platform.machine()
    graphics = torch.cuda.get_device_name() if torch.cuda.is_available() else "no GPU"
    return f"{name}, {os.cpu_count()} cores, {graphics}; PyTorch threads: {torch.get_num_threads()}"


def stated(source: str) -> tuple[str | None, str | None]:
    """Modality and stain of a set, where its layout does not tell them."""
    return STATED.get(source, (None, None))


def command(told: Mapping[str, Any], folder: str) -> str:
    """The command that repeats a run."""
    stated = "".join(f'--{name} "{value}" ' for name, value in told["stated"].items())
    return (
        f"cytoscribe eval descriptions --dataset {told['dataset']} --root DATA/{folder} "
        f"--split splits/{Path(told['split']).name} {stated}--json"
    )


def section(told: Mapping[str, Any], source: str) -> Iterator[str]:
    """One set: command, table, notes."""
    yield f"\n## {source}: {told['images']:,} images"
    yield f"\n```\n{command(told, folder_of(source))}\n```\n"
    yield f"| figure | images | model (95% interval) | {' | '.join(CONTROLS)} |"
    yield "|" + "---|" * (3 + len(CONTROLS))
    for name, images, model, *controls in rows(told):
        yield f"| {name} | {images} | **{model.replace(' (', '** (', 1)} | {' | '.join(controls)} |"
    yield ""
    yield from (f"- {note}" for note in notes(told))


def page(told: Mapping[str, Mapping[str, Any]], side: str, refused: int) -> str:
    """The whole page."""
    model = next(iter(told.values()))["model"]
    head = f"""# Descriptions, measured

What the model says of real images that were never trained on. Written by
`make bench-descriptions DATA=DIR`, {datetime.now(UTC):%Y-%m-%d}; {machine()}. Model: `{model}`.

The lists of images: `python -m finetune.data.held_out DATA splits/ --side {side}`. Left
out as near-duplicates of images on another side: {refused}.

{NOTE}"""
    lines = [line for source, figures in told.items() for line in section(figures, source)]
    return "\n".join([head, *lines]) + "\n"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("data", type=Path)
    parser.add_argument("--out", type=Path, default=ROOT / "docs/benchmarks/descriptions/README.md")
    parser.add_argument("--model", help="default: the setting CYTOSCRIBE_MODEL")
    parser.add_argument("--side", choices=("dev", "test"), default="test")
    parser.add_argument("--limit", type=int, help="images of each set")
    asked = parser.parse_args()
    settings = load_settings(model=asked.model)
    limits = Limits(settings.max_pixels, settings.max_upload_mb * 2**20, settings.min_probability)
    parts, refused = load(asked.data)
    lists = write_lists(parts[asked.side], asked.side, asked.out.parent)
    del parts
    model = open_model(settings)
    told = {}
    for split in lists:
        source = split.name.removesuffix(f".{asked.side}.csv")
        print(f"{source} …", file=sys.stderr)
        root = asked.data / folder_of(source)
        request = Request(LAYOUTS[source], root, split, None, *stated(source), asked.limit)
        told[source] = evaluate(request, lambda: model, limits)
        kept = {**told[source], "root": f"DATA/{folder_of(source)}", "split": split.name}
        split.with_suffix(".json").write_text(json.dumps(kept, indent=1) + "\n")
    asked.out.write_text(page(told, asked.side, len(refused)), encoding="utf-8")
    print(asked.out)


if __name__ == "__main__":
    main()
