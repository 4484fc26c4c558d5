"""Make docs/benchmarks/latency.md: the seconds that a description takes on one core, and its parts.

    python docs/scripts/latency.py [--model FOLDER] [--images FOLDER] [--number 20] [--out FILE]

One process and thread; each figure is over images of its own, one at a time, opened already.
Without a folder the images are drawn cells. The first description of a process is told apart: what
a lite checkpoint wrote before helps it to write the next text.
"""

import argparse
import os
import platform
import shlex
import statistics
import sys
import time
from collections.abc import Callable
from datetime import date
from pathlib import Path

import torch
from PIL import Image

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT))

from agent.paligemma import PaliGemma, load_paligemma  # noqa: E402
from agent.settings import load_settings  # noqa: E402
from tools import simulate  # noqa: E402
from tools.describe_image import describe_images, findings  # noqa: E402
from tools.images import SUFFIXES  # noqa: E402

LEAST = load_settings().min_probability
QUESTION = "how many lobes does the nucleus have?"
Seconds = tuple[float, float]  # wall, CPU
Work = Callable[[PaliGemma, Image.Image], object]


def everything(model: PaliGemma, image: Image.Image) -> object:
    return describe_images(["img"], model.look([image]), model, LEAST)


PARTS: dict[str, Work] = {
    "description: text and all findings": everything,
    "text only": lambda model, image: model.describe(model.look([image])),
    "findings only": lambda model, image: findings(model.look([image]), model, LEAST),
    "looking only": lambda model, image: model.look([image]),
}


def images(folder: Path | None, number: int) -> list[Image.Image]:
    if folder is None:
        return [Image.fromarray(simulate.draw("cell", seed).pixels) for seed in range(number)]
    files = sorted(f for f in folder.rglob("*") if f.suffix.lower() in SUFFIXES)
    chosen = files[:: max(1, len(files) // number)][:number]
    return [Image.open(file).convert("RGB") for file in chosen]


def timed(work: Callable[[], object]) -> Seconds:
    wall, cpu = time.perf_counter(), time.process_time()
    work()
    return time.perf_counter() - wall, time.process_time() - cpu


def second_question(model: PaliGemma, image: Image.Image) -> Seconds:
    features = model.look([image])
    describe_images(["img"], features, model, LEAST)
    return timed(lambda: model.answer(features, QUESTION))


def measured(model: PaliGemma, pictures: list[Image.Image]) -> dict[str, list[Seconds]]:
    first, *others = pictures
    times = {"first description of a process": [timed(lambda: everything(model, first))]}
    for number, (name, work) in enumerate(PARTS.items()):
        mine = others[number :: len(PARTS) + 1]
        times[name] = [timed(lambda w=work, i=image: w(model, i)) for image in mine]
    mine = others[len(PARTS) :: len(PARTS) + 1]
    times["second question on an image"] = [second_question(model, image) for image in mine]
    return times


def row(name: str, seconds: list[Seconds]) -> str:
    walls, cpus = zip(*seconds, strict=True)
    median = f"{statistics.median(walls):.3f} | {statistics.median(cpus):.3f}"
    return f"| {name} | {len(seconds)} | {median} | {max(walls):.3f} |"


def page(model: PaliGemma, times: dict[str, list[Seconds]]) -> str:
    where = f"{platform.machine()}, {platform.system()}, one core of {os.cpu_count()}"
    return "\n".join(
        [
            "# How long a description takes\n",
            f"`{model.name}` on one core, one image at a time. Command:\n",
            f"```\npython {shlex.join(['docs/scripts/latency.py', *sys.argv[1:]])}\n```\n",
            f"{date.today()}; {processor()} ({where}); PyTorch {torch.__version__}, float32.\n",
            "| seconds | images | wall, median | CPU, median | wall, worst |",
            "|---|---|---|---|---|",
            *(row(*each) for each in times.items()),
            "\nAll but the second question include the vision tower; opening the file does not"
            " count.",
        ]
    )


def processor() -> str:
    """The processor's name, where Linux tells it."""
    info = Path("/proc/cpuinfo")
    lines = info.read_text().splitlines() if info.is_file() else []
    named = (line.partition(": ")[2] for line in lines if line.startswith("model name"))
    return next(named, platform.processor() or "unnamed processor")


def main() -> None:
    options = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else "")
    options.add_argument("--model", default=load_settings().model)
    options.add_argument("--images", type=Path)
    options.add_argument("--number", type=int, default=20, help="images a figure")
    options.add_argument("--out", type=Path, default=ROOT / "docs" / "benchmarks" / "latency.md")
    given = options.parse_args()
    if hasattr(os, "sched_setaffinity"):
        os.sched_setaffinity(0, {max(os.sched_getaffinity(0))})
    torch.set_num_threads(1)
    model = load_paligemma(given.model, device="cpu", dtype="float32")
    times = measured(model, images(given.images, given.number * (len(PARTS) + 1) + 1))
    given.out.write_text(page(model, times) + "\n", encoding="utf-8")
    print(given.out.read_text(encoding="utf-8"))


if __name__ == "__main__":
    main()
