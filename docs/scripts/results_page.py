"""Make docs/results/README.md: ten held-out images, drawn by seed, and what the model says of them.

    python docs/scripts/results_page.py --data FOLDER [--seed 20] [--out docs/results]

FOLDER holds the training sets (finetune/data/collection.py); only images of the test side are
drawn: five blood cells of different types, two smears, two images of nuclei, and one red cell or
tissue. The model is the configured one (CYTOSCRIBE_MODEL). Wrong facts are struck through, with the
truth beside them; nothing is chosen, so a bad draw stays on the page. What the labels do not hold
is not judged.
"""

import argparse
import io
import random
import re
import sys
import tempfile
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from pathlib import Path

from PIL import Image

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT))

from agent.build import open_model  # noqa: E402
from agent.settings import Settings, load_settings  # noqa: E402
from finetune.data.collection import load  # noqa: E402
from finetune.data.example import Example  # noqa: E402
from finetune.lite.tasks import view_facts  # noqa: E402
from tools.describe_image import describe_image  # noqa: E402
from tools.evidence import DescriptionEvidence, Finding  # noqa: E402
from tools.findings import BY_NAME, PLURALS, facts_in  # noqa: E402
from tools.images import OpenedImage, open_image  # noqa: E402
from tools.measure_image import Measurer  # noqa: E402
from tools.protocols import VisionModel  # noqa: E402

SIDE, MOST_BYTES = 480, 100_000
PLAN: tuple[tuple[tuple[str, ...], int], ...] = (
    (("cell",), 5),
    (("smear",), 2),
    (("nuclei",), 2),
    (("red_cell", "tissue"), 1),
)
FILES = {  # where a dataset keeps the file of an example, by its name
    "pbc_wbcatt": "pbc_wbcatt/PBC_dataset_normal_DIB/*/{}",
    "bccd": "bccd/BCCD/JPEGImages/{}",
    "nuclei_dsb2018": "nuclei_dsb2018/images/{}.png",
    "chula_rbc12": "chula_rbc12/Dataset/{}.jpg",
    "crc_val_he_7k": "histology/crc_val_he_7k/*/{}",
}
CREDITS = {
    "pbc_wbcatt": "PBC (Acevedo et al., Data in Brief 2020), WBCAtt (Tsutsui et al., 2023)",
    "bccd": "BCCD (github.com/Shenggan/BCCD_Dataset)",
    "nuclei_dsb2018": "Data Science Bowl 2018, BBBC038 (Caicedo et al., Nature Methods 2019)",
    "chula_rbc12": "Chula RBC-12 (Naruenatthanaset et al., arXiv:2012.01321)",
    "crc_val_he_7k": "CRC-VAL-HE-7K (Kather et al., 2018, doi:10.5281/zenodo.1214456)",
}


@dataclass(frozen=True, eq=False)
class Result:
    """A drawn image, what is true of it and what was said."""

    example: Example
    opened: OpenedImage
    truth: Mapping[str, str]
    said: DescriptionEvidence


def stratum(example: Example) -> str:
    """What the draw is spread over: the cell type, else kind, dataset and modality."""
    facts = example.facts
    return facts.get("cell_type") or f"{example.kind} {example.source} {facts['modality']}"


def draw(held_out: Sequence[Example], seed: int) -> list[Example]:
    """One image of each of as many strata as the plan asks for, by seed."""
    rng = random.Random(seed)
    drawn: list[Example] = []
    for kinds, number in PLAN:
        strata: dict[str, list[Example]] = defaultdict(list)
        for example in held_out:
            if example.kind in kinds:
                strata[stratum(example)].append(example)
        names = rng.sample(sorted(strata), min(number, len(strata)))
        drawn += [rng.choice(strata[name]) for name in names]
    return drawn


def opened(example: Example, data: Path, settings: Settings) -> OpenedImage:
    """The example as an upload would be opened: its own file, or the cut-out red cell."""
    size = settings.max_pixels, settings.max_upload_mb * 2**20
    file = next(data.glob(FILES[example.source].format(example.name)), None)
    if file is None:
        buffer = io.BytesIO()
        Image.fromarray(example.pixels).save(buffer, "PNG")
        return open_image(buffer.getvalue(), max_pixels=size[0], max_bytes=size[1])
    return open_image(file, max_pixels=size[0], max_bytes=size[1])


def results(
    model: VisionModel, examples: Sequence[Example], data: Path, settings: Settings, overlays: Path
) -> Iterator[Result]:
    """Describe and measure each image as serving does; `overlays` takes the pictures of it."""
    measure = Measurer(overlays, settings.pixel_size_um)
    for example in examples:
        image = opened(example, data, settings)
        features = model.look([image.pixels])
        said = measure(describe_image(image, features, model, settings.min_probability), image)
        truth = view_facts(example.facts, example.instances, example.counted)
        yield Result(example, image, truth, said)


def in_words(name: str, value: str) -> str:
    """A fact as a description says it."""
    if name.startswith("count:"):
        thing = name.removeprefix("count:")
        return f"{value} {thing if value == '1' else PLURALS[thing]}"
    return BY_NAME[name].phrase(value) or f"{name.replace('_', ' ')} {value}"


def marked(text: str, truth: Mapping[str, str]) -> tuple[str, int, int]:
    """The text with wrong facts struck through; how many facts are right, how many are judged."""
    judged = {name: value for name, value in facts_in(text).items() if name in truth}
    wrong = {name: value for name, value in judged.items() if truth[name] != value}
    spans: dict[tuple[int, int], list[str]] = defaultdict(list)
    for name, value in wrong.items():
        found = re.search(rf"\b{re.escape(in_words(name, value))}\b", text, re.IGNORECASE)
        if found:
            spans[found.span()].append(in_words(name, truth[name]))
    for (start, end), right in sorted(spans.items(), reverse=True):
        note = f"~~{text[start:end]}~~ **truth: {', '.join(right)}** ✗"
        text = text[:start] + note + text[end:]
    return text, len(judged) - len(wrong), len(judged)


def judged(finding: Finding, truth: Mapping[str, str]) -> bool | None:
    """Whether a finding that was seen is right; None where it is not known."""
    if finding.origin != "seen" or finding.name not in truth:
        return None
    return finding.value == truth[finding.name]


def _line(finding: Finding, truth: Mapping[str, str]) -> str:
    sure = finding.origin if finding.probability is None else f"{finding.probability:.2f}"
    mark = {True: "✓", False: "✗", None: ""}[judged(finding, truth)]
    unit = finding.unit or ""
    value = f"{finding.value} {unit}" if finding.origin == "measured" else finding.value
    true = truth.get(finding.name, "not known")
    return f"| {finding.name.replace('_', ' ')} | {value.strip()} | {sure} | {true} | {mark} |"


def small_jpeg(image: Image.Image, path: Path) -> None:
    """Save at most 480 pixels a side and 100,000 bytes."""
    image = image.convert("RGB")
    image.thumbnail((SIDE, SIDE))
    for quality in (90, 80, 70, 60, 45, 30, 15):
        image.save(path, "JPEG", quality=quality, optimize=True)
        if path.stat().st_size <= MOST_BYTES:
            return


def section(number: int, result: Result, out: Path) -> str:
    """Pictures, text and table of one image; writes the pictures beside the page."""
    example, picture = result.example, f"{number:02d}.jpg"
    small_jpeg(result.opened.pixels.copy(), out / picture)
    heads, cells = ["image"], [f"![image {number}]({picture})"]
    if result.said.overlay:
        measured = f"{number:02d}-measured.jpg"
        with Image.open(result.said.overlay) as overlay:
            small_jpeg(overlay, out / measured)
        heads.append("measured")
        cells.append(f"![what was measured in image {number}]({measured})")
    text, right, of = marked(result.said.text, result.truth)
    lines = "\n".join(_line(finding, result.truth) for finding in result.said.findings)
    return (
        f"## {number}. {stratum(example).replace('_', ' ')}\n\n"
        f"| {' | '.join(heads)} |\n|{'---|' * len(heads)}\n| {' | '.join(cells)} |\n\n"
        f"{text}\n\n{right} of {of} facts of the text are right.\n\n"
        f"| finding | said | probability | truth | |\n|---|---|---|---|---|\n{lines}\n\n"
        f"Image `{example.name}`: {CREDITS[example.source]}, {example.licence}; re-encoded.\n"
    )


def page(found: Sequence[Result], model: str, seed: int, out: Path) -> str:
    """The whole page; its pictures are written to `out`."""
    facts = [marked(result.said.text, result.truth)[1:] for result in found]
    asked = [judged(finding, result.truth) for result in found for finding in result.said.findings]
    known = [answer for answer in asked if answer is not None]
    head = (
        f"# Results: {len(found)} held-out images, drawn by seed\n\n"
        f"`python docs/scripts/results_page.py --data DIR --seed {seed}`, {date.today()},"
        f" checkpoint `{model}`, seed {seed}.\n\n"
        f"**{sum(right for right, _ in facts)} of {sum(of for _, of in facts)}** facts in the texts"
        f" and **{sum(known)} of {len(known)}** findings with a known truth are right."
        " The images are of the test side of the split, one of each drawn stratum; good and bad are"
        " as drawn, nothing is chosen. Ten images are a picture of how it goes, not a measurement:"
        " the figures are in docs/benchmarks. Research use only.\n\n"
    )
    return head + "\n".join(section(i, result, out) for i, result in enumerate(found, 1))


def write(model: VisionModel, data: Path, out: Path, seed: int, settings: Settings) -> list[Result]:
    """Draw, describe, and write the page last."""
    examples = draw(load(data)[0]["test"], seed)
    with tempfile.TemporaryDirectory() as overlays:
        found = list(results(model, examples, data, settings, Path(overlays)))
        out.mkdir(parents=True, exist_ok=True)
        for old in out.glob("[0-9][0-9]*.jpg"):
            old.unlink()
        (out / "README.md").write_text(page(found, model.name, seed, out), encoding="utf-8")
    return found


def main() -> None:
    options = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    options.add_argument("--data", type=Path, required=True, help="folder of the training sets")
    options.add_argument("--out", type=Path, default=ROOT / "docs" / "results")
    options.add_argument("--seed", type=int, default=20)
    chosen = options.parse_args()
    settings = load_settings()
    found = write(open_model(settings), chosen.data, chosen.out, chosen.seed, settings)
    print(f"{chosen.out / 'README.md'}: {len(found)} images")


if __name__ == "__main__":
    main()
