"""Ten full answers on held-out images, drawn by seed, good and bad: docs/answers/.

    python docs/scripts/ten_answers.py DATA [--seed 7] [--out docs/answers]

DATA is the folder of the data sets. The images are of the test lists (eval/data/held_out), which no
training saw: six leukocytes, two smears, two fields of nuclei. The library holds 400 other images
of the same sets, drawn by the same seed, and the starter bibliography. Images and questions are
drawn before anything is asked; nothing is drawn again.
"""

import random
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from io import BytesIO
from math import inf
from pathlib import Path

import click

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT))

from PIL import Image  # noqa: E402

from agent.build import open_assistant  # noqa: E402
from agent.settings import Settings, load_settings  # noqa: E402
from agent.turn import Sentence, TurnRecord  # noqa: E402
from eval.commands.scratch import scratch  # noqa: E402
from eval.rag.answered import in_words  # noqa: E402
from eval.split_file import read_split  # noqa: E402
from eval.truth import Dataset, Known, Truths, complete, find_images  # noqa: E402
from tools.images import open_image, thumbnail  # noqa: E402
from tools.library import ImageRecord  # noqa: E402
from tools.protocols import VisionModel  # noqa: E402
from tools.starter import fill_starter_library  # noqa: E402
from tools.store import Store  # noqa: E402

LISTS = ROOT / "eval" / "data" / "held_out"
LIBRARY = 400  # images
SIDE = 320  # pixels of a picture
CREDITS = {
    "pbc_wbcatt": "PBC, Acevedo et al. 2020, doi:10.17632/snkd93bnjr.1, CC BY 4.0, resized",
    "bccd": "BCCD, github.com/Shenggan/BCCD_Dataset, MIT, resized",
    "nuclei_dsb2018": "BBBC038, Data Science Bowl 2018, CC0 1.0, resized",
}
SETS: dict[str, tuple[Dataset, int]] = {
    "pbc_wbcatt": ("wbcatt", 6), "bccd": ("voc", 2), "nuclei_dsb2018": ("masks", 2),
}  # fmt: skip
QUESTIONS = {
    "pbc_wbcatt": (
        "What cell is this, what do similar cases show, and what does the literature say about its"
        " nucleus?",
        "What cell is this, and what is known about its role in infection?",
        "Describe this cell. Are there papers on its granules?",
        "Why is this cell a basophil?",
        "Which type of leukocyte is this, and do similar cases agree?",
        "Is this cell malignant, and what is published on such cells?",
    ),
    "bccd": (
        "What does this image show, and how many red blood cells are there?",
        "Describe this smear, show similar cases, and tell me about platelets in the literature.",
    ),
    "nuclei_dsb2018": (
        "How many nuclei are in the image, and which papers used DNA stains to look at apoptosis?",
        "What does this image show, and what do similar cases show?",
    ),
}


@dataclass(frozen=True)
class Drawn:
    """A held-out image with its question."""

    source: str
    known: Known
    question: str


def sides(data: Path, name: str) -> tuple[list[Known], list[Known]]:
    """The held-out images of a set, and the others."""
    layout, root = SETS[name][0], data / name
    images = find_images(layout, root)
    split = read_split(LISTS / f"{name}.test.csv", [image.path for image in images])
    truths = Truths(layout, root, rows=split.rows)
    held = complete([truths.read(image) for image in images if image.path in split.rows])
    rest = Truths(layout, root)
    return held, [rest.read(image) for image in images if image.path not in split.rows]


def add(store: Store, model: VisionModel, known: Known, source: str) -> None:
    """Put an image with its labels into the library."""
    opened = open_image(known.path, max_pixels=10**8, max_bytes=10**8)
    labels = {name: value for name, value in known.facts.items() if ":" not in name}
    record = ImageRecord(
        image_id=opened.image_id, path=str(known.path), width=opened.pixels.width,
        height=opened.pixels.height, labels=labels, source=source,
        licence=CREDITS[source].rpartition(", ")[0].rpartition(", ")[2],
        thumbnail=thumbnail(opened.pixels),
    )  # fmt: skip
    store.add_images([record], model.name, model.embed_image(model.look([opened.pixels])))


def picture(known: Known, path: Path) -> None:
    """A small JPEG of the image."""
    image = Image.open(known.path).convert("RGB")
    image.thumbnail((SIDE, SIDE))
    out = BytesIO()
    image.save(out, "JPEG", quality=85)
    path.write_bytes(out.getvalue())


def told(number: int, drawn: Drawn, record: TurnRecord, name: str) -> Iterator[str]:
    """An answer in Markdown: its sentences with numbers of evidence, the evidence, the truth."""
    evidence = record.evidence()
    cited = [i for s in record.answer.sentences for i in s.evidence_ids]
    numbers = {one: n for n, one in enumerate(dict.fromkeys(cited), 1)}
    yield f"## {number}. {drawn.question}\n"
    yield f"![image {number}]({name})\n\n*{drawn.known.path.name}; {CREDITS[drawn.source]}*\n"
    yield from (f"{_sentence(s, numbers)}  " for s in record.answer.sentences)
    sure = f", confidence: {record.answer.sureness}" if record.answer.sureness else ""
    yield f"\nStatus {record.answer.status}{sure}. {record.answer.confidence_explained}\n"
    yield "<details><summary>Evidence</summary>\n"
    yield from (f"- [{n}] {_short(in_words(evidence[one]))}" for one, n in numbers.items())
    yield "\n</details>\n"
    truth = ", ".join(f"{n.replace('_', ' ')} {v}" for n, v in sorted(drawn.known.facts.items()))
    yield f"**Truth**: {truth}.\n"


def _sentence(sentence: Sentence, numbers: dict[str, int]) -> str:
    marks = "".join(f" [{numbers[i]}]" for i in sentence.evidence_ids)
    return f"{sentence.text.replace('<', '‹')}{marks}"


def _short(text: str) -> str:
    folded = " ".join(text.split()).replace("<", "‹")
    return folded if len(folded) <= 300 else folded[:299] + "…"


def draw(data: Path, seed: int) -> tuple[list[Drawn], list[tuple[str, Known]]]:
    """What is asked, and what the library holds."""
    rng = random.Random(seed)
    asked, library = list[Drawn](), list[tuple[str, Known]]()
    for name, (_, n) in SETS.items():
        held, rest = sides(data, name)
        questions = rng.sample(QUESTIONS[name], n)
        asked += [Drawn(name, k, q) for k, q in zip(rng.sample(held, n), questions, strict=True)]
        share = LIBRARY * n // 10
        library += [(name, known) for known in rng.sample(rest, min(share, len(rest)))]
    return asked, library


def answers(settings: Settings, data: Path, seed: int, out: Path) -> Iterator[str]:
    """The page, answer by answer."""
    asked, library = draw(data, seed)
    with scratch(settings) as (own, folder), open_assistant(own) as assistant:
        for source, known in library:
            add(assistant.store, assistant.model, known, source)
        fill_starter_library(
            assistant.store, assistant.model, assistant.encoder, folder / "starter",
            lambda _: None, recipes=(), patience=inf,
        )  # fmt: skip
        for number, drawn in enumerate(asked, 1):
            name = f"answer-{number:02d}.jpg"
            picture(drawn.known, out / name)
            turn = assistant.new_turn(f"s{number}", drawn.question, [drawn.known.path.read_bytes()])
            yield "\n".join(told(number, drawn, assistant.ask(turn), name))


@click.command()
@click.argument("data", type=click.Path(exists=True, file_okay=False, path_type=Path))
@click.option("--seed", default=7, show_default=True)
@click.option("--out", type=click.Path(path_type=Path), default=ROOT / "docs" / "answers")
def main(data: Path, seed: int, out: Path) -> None:
    """Write README.md and ten pictures into --out."""
    out.mkdir(parents=True, exist_ok=True)
    settings = load_settings(starter_library=False)
    head = (
        "# Ten answers\n\n"
        f"`python docs/scripts/ten_answers.py DATA --seed {seed}`: ten held-out images and their "
        "questions, drawn by seed before anything was asked; none was drawn again. Lite "
        f"checkpoint, no text model; a library of {LIBRARY} other images of the same sets and the "
        "starter bibliography, whose summaries are ours. Good and bad stand as they came. "
        "Research use only.\n\n"
    )
    page = head + "\n".join(answers(settings, data, seed, out))
    (out / "README.md").write_text(page.rstrip() + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
