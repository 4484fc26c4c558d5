"""Measure what corrections of experts teach: docs/benchmarks/feedback.md.

python docs/scripts/bench_feedback.py DATA   (the folder that holds chula_rbc12)

Crops of red cells from blocks that the lite checkpoint was never trained on. An expert is simulated
who says the true type of each crop drawn from a pool; what they say goes the way of all feedback:
corrections, export, `finetune --from feedback` with the shipped recipe. Held out are other images
of the same blocks, and whole blocks. Answers are kept in WORK: a stopped run goes on there.
"""

import os
import random
import shutil
import time
from collections import Counter, defaultdict
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import click
import numpy as np
from PIL import Image

from agent import prompts
from agent.paligemma import PaliGemma, load_paligemma
from agent.settings import LITE_CHECKPOINT
from eval.clusters import clustered
from eval.descriptions import Pair, accuracy, estimate, macro_f1
from eval.differences import difference, swapped
from finetune.cards import hardware
from finetune.closed.looking import Blocks, images_of
from finetune.data.formats import read_rows
from finetune.data.row import Row
from finetune.data.splits import halved, side
from finetune.feedback.acquisition import doubt, most_teaching
from finetune.feedback.export import export
from finetune.feedback.source import recipe_from
from finetune.training import train
from tools.corrections import Correction
from tools.findings import RED_CELL_TYPE as ASKED

NUMBERS = (50, 150, 300)
WAYS = ("random", "active")  # to choose what is reviewed
POOL, GAP = 0.4, 0.2  # shares of a block's images: reviewed, left out; the others are held out
OF_AN_IMAGE, HELD_OUT_OF_AN_IMAGE = 16, 6  # crops, at most: fields are not equally crowded
SEED, NEIGHBOURS = 0, 5
NOW = datetime(2026, 1, 1, tzinfo=UTC)
OUT = Path("docs/benchmarks/feedback.md")
Answers = Sequence[str]


@dataclass(frozen=True)
class Parts:
    """Crops of the blocks never trained on, by what they are for."""

    pool: list[Row]
    held_out: list[Row]


@dataclass(frozen=True)
class Looked:
    """What a model makes of crops: probabilities (crops, options), vectors (crops, width)."""

    scores: np.ndarray
    vectors: np.ndarray

    @property
    def answers(self) -> list[str]:
        return [ASKED.options[i] for i in self.scores.argmax(1)]


def image_of(row: Row) -> str:
    """The smear image that a crop was cut from."""
    return row.name.rsplit("-", 1)[0]


def parts_of(data: Path) -> Parts:
    """Of each block the first images make the pool, and the last are held out."""
    rows = [r for r in read_rows(data / "chula_rbc12", "points", Counter()) if side(r) == "test"]
    blocks: dict[str, dict[str, list[Row]]] = defaultdict(lambda: defaultdict(list))
    for row in rows:
        blocks[row.group][image_of(row)].append(row)
    pool, held_out = list[Row](), list[Row]()
    for images in blocks.values():
        names = sorted(images, key=int)
        first, second = (round(len(names) * share) for share in (POOL, POOL + GAP))
        for name in (*names[:first], *names[second:]):
            part, most = (
                (pool, OF_AN_IMAGE) if name in names[:first] else (held_out, HELD_OUT_OF_AN_IMAGE)
            )
            draw = random.Random(f"{SEED}:{name}")
            part += draw.sample(images[name], min(len(images[name]), most))
    return Parts(pool, held_out)


def look(model: PaliGemma, rows: Sequence[Row]) -> Looked:
    """The rows before the model, in blocks that are forgotten again."""
    scores, vectors, asked = [], [], prompts.answer(ASKED.prompt)
    for start in range(0, len(rows), 160):
        blocks = Blocks(model, images_of(rows[start : start + 160]))
        for block in range(len(blocks)):
            texts = [asked] * len(blocks.rows(block))
            scores.append(blocks.score(block, [texts], ASKED.options)[0])
        vectors.append(blocks.vectors())
    return Looked(np.concatenate(scores), np.concatenate(vectors))


def corrections(rows: Sequence[Row], said: Answers) -> list[Correction]:
    """The simulated expert's: the true type beside the model's; a session a smear image."""
    return [
        Correction(
            feedback_id=row.name, turn_id=row.name, session_id=image_of(row),
            image_id=row.name, name=ASKED.name, model="lite", model_value=answer,
            human_value=row.suffix, reviewer="simulated expert", given_at=NOW,
        )
        for row, answer in zip(rows, said, strict=True)
    ]  # fmt: skip


def taught(rows: Sequence[Row], said: Answers, work: Path) -> PaliGemma:
    """The lite checkpoint, trained on the corrections of these crops by the shipped recipe."""
    shutil.rmtree(work, ignore_errors=True)
    pixels = {row.name: row.image for row in rows}
    export(corrections(rows, said), lambda name: Image.fromarray(pixels[name]), work / "feedback")
    recipe = recipe_from(
        work / "feedback", None, str(LITE_CHECKPOINT),
        ["data.0.split=all", "refuse_leaks=false", "workers=0"],
    )  # fmt: skip
    return train(recipe, work, say=lambda line: click.echo(line, err=True)).load()


FIGURES = {
    "accuracy": clustered(accuracy(ASKED.name)),
    "macro-F1": clustered(macro_f1([ASKED.name])),
}


def grouped(rows: Sequence[Row], said: Answers) -> list[list[Pair]]:
    images: dict[str, list[Pair]] = defaultdict(list)
    for row, answer in zip(rows, said, strict=True):
        images[image_of(row)].append(({ASKED.name: row.suffix}, {ASKED.name: answer}))
    return list(images.values())


class Bench:
    """One run: parts, the checkpoint's answers, and those of every model taught."""

    def __init__(self, data: Path, work: Path) -> None:
        self.parts, self.work = parts_of(data), work
        work.mkdir(parents=True, exist_ok=True)
        model = load_paligemma(str(LITE_CHECKPOINT))
        self.pool = self._looked("pool", lambda: look(model, self.parts.pool))
        self.held_out = self._looked("held-out", lambda: look(model, self.parts.held_out))

    def _looked(self, name: str, make: Callable[[], Looked]) -> Looked:
        path = self.work / f"{name}.npz"
        if not path.exists():
            started = time.process_time()
            made = make()
            np.savez(path, **vars(made), cpu=time.process_time() - started)
        with np.load(path) as kept:
            return Looked(kept["scores"], kept["vectors"])

    def cpu_seconds(self) -> float:
        """Of everything that was looked at or trained for these figures."""
        return sum(float(np.load(path)["cpu"]) for path in self.work.glob("*.npz"))

    def order(self, way: str) -> list[int]:
        """Places in the pool in the order of review."""
        if way == "random":
            return random.Random(SEED).sample(range(len(self.parts.pool)), NUMBERS[-1])
        return most_teaching(
            [doubt(row, ASKED.options).score for row in self.pool.scores],
            self.pool.vectors, NUMBERS[-1],
        )  # fmt: skip

    def after(self, name: str, chosen: Sequence[int], held_out: Sequence[Row]) -> Answers:
        """What is answered on held-out crops after the corrections of the chosen ones."""

        def make() -> Looked:
            rows, said = [self.parts.pool[i] for i in chosen], self.pool.answers
            run = self.work / name
            made = look(taught(rows, [said[i] for i in chosen], run), held_out)
            shutil.rmtree(run)
            return made

        click.echo(name, err=True)
        return self._looked(name, make).answers

    def blocks_apart(self) -> Answers:
        """Each held-out crop answered by a model that was corrected on other blocks only."""
        said: dict[str, str] = {}
        for half in ("dev", "test"):
            places = [
                i for i, row in enumerate(self.parts.pool) if halved("held out", row.group) != half
            ]
            chosen = random.Random(SEED).sample(places, min(NUMBERS[-1], len(places)))
            rows = [r for r in self.parts.held_out if halved("held out", r.group) == half]
            told = self.after(f"other-blocks-{half}", chosen, rows)
            said |= dict(zip((row.name for row in rows), told, strict=True))
        return [said[row.name] for row in self.parts.held_out]

    def neighbours(self, chosen: Sequence[int]) -> Answers:
        """The peer: the corrected crops as cases, their commonest type among the nearest."""
        near = self.held_out.vectors @ self.pool.vectors[list(chosen)].T
        order = np.argsort(-near, axis=1, kind="stable")[:, :NEIGHBOURS]
        types = [self.parts.pool[i].suffix for i in chosen]
        return [Counter(types[i] for i in row).most_common(1)[0][0] for row in order]


def line(name: str, rows: Sequence[Row], said: Answers, before: Answers) -> str:
    ours, theirs = grouped(rows, said), grouped(rows, before)
    cells = [str(estimate(metric, ours)) for metric in FIGURES.values()]
    if said is before:
        return f"| {name} | {' | '.join(cells)} | | |"
    gain = difference(FIGURES["accuracy"], ours, theirs)
    p = swapped(FIGURES["accuracy"], ours, theirs)
    return f"| {name} | {' | '.join(cells)} | {gain.value:+.3f} ({gain.low:+.3f} to {gain.high:+.3f}) | {p:.3f} |"  # noqa: E501


def table(bench: Bench) -> list[str]:
    rows, before = bench.parts.held_out, bench.held_out.answers
    commonest = Counter(row.suffix for row in bench.parts.pool).most_common(1)[0][0]
    lines = [
        "| corrections | accuracy | macro-F1 | gain in accuracy | p |", "|---|---|---|---|---|",
        line("0: the lite checkpoint", rows, before, before),
    ]  # fmt: skip
    for way in WAYS:
        order = bench.order(way)
        for number in NUMBERS:
            said = bench.after(f"{way}-{number}", order[:number], rows)
            lines.append(line(f"{number}, {way}", rows, said, before))
    cases = bench.neighbours(bench.order("random"))
    lines += [
        line(f"{NUMBERS[-1]}, random, of other blocks only", rows, bench.blocks_apart(), before),
        line(f"peer: {NUMBERS[-1]}, random, as cases ({NEIGHBOURS} nearest)", rows, cases, before),
        line(f"always “{commonest}”", rows, [commonest] * len(rows), before),
    ]
    return lines


def active_less_random(bench: Bench) -> str:
    """What the choice of crops gains, by their number."""
    rows = bench.parts.held_out
    gains = []
    for number in NUMBERS:
        said = [bench.after(f"{w}-{number}", bench.order(w)[:number], rows) for w in WAYS]
        random_choice, active = (grouped(rows, one) for one in said)
        gain = difference(FIGURES["accuracy"], active, random_choice)
        gains.append(f"{gain.value:+.3f} ({gain.low:+.3f} to {gain.high:+.3f}) after {number}")
    return f"Accuracy of active less that of random choice: {', '.join(gains)}."


def blocks_table(bench: Bench) -> list[str]:
    """Accuracy by block: before, after, after corrections of other blocks."""
    rows, most = bench.parts.held_out, NUMBERS[-1]
    ways: Mapping[str, Answers] = {
        "before": bench.held_out.answers,
        "random": bench.after(f"random-{most}", bench.order("random")[:most], rows),
        "apart": bench.blocks_apart(),
    }
    lines = [f"| block | crops | before | {most}, random | {most}, of other blocks |",
             "|---|---|---|---|---|"]  # fmt: skip
    for block in sorted({row.group for row in rows}, key=lambda name: int(name[5:])):
        places = [i for i, row in enumerate(rows) if row.group == block]
        shares = [np.mean([said[i] == rows[i].suffix for i in places]) for said in ways.values()]
        lines.append(f"| {block[5:]} | {len(places)} | {' | '.join(f'{s:.2f}' for s in shares)} |")
    return lines


@click.command()
@click.argument("data", type=click.Path(exists=True, file_okay=False, path_type=Path))
@click.option("--work", type=click.Path(path_type=Path), default=Path("runs/bench-feedback"))
def main(data: Path, work: Path) -> None:
    """Measure, and write the page."""
    bench = Bench(data, work)
    OUT.write_text(page(bench), "utf-8")


def page(bench: Bench) -> str:
    parts = bench.parts
    counts = {name: len({image_of(r) for r in rows}) for name, rows in vars(parts).items()}
    measured, by_block = table(bench), blocks_table(bench)
    return "\n".join(
        [
            "# What corrections teach", "",
            "`make bench-feedback DATA=DIR` (the folder that holds `chula_rbc12`),"
            f" {datetime.now(UTC):%Y-%m-%d}, {hardware()}, {os.cpu_count()} cores;"
            f" {bench.cpu_seconds() / 60:.1f} minutes of CPU.", "",
            "Single red cells of Chula RBC-12, from the seven blocks of images that the lite"
            " checkpoint was never trained on. An expert is simulated who says the true type of"
            f" crops drawn from a pool ({len(parts.pool):,} crops of {counts['pool']} images); the"
            " corrections go through `cytoscribe feedback export` and the recipe of `cytoscribe"
            " finetune --from feedback`, from the checkpoint anew for each number. Held out are"
            f" {len(parts.held_out):,} crops of {counts['held_out']} other images: of each block"
            " the first 40% of images are the pool, the next 20% are left out, the last 40% are"
            " held out. Rate and steps are those of the recipe; nothing was tuned on these images."
            " A block is likely one slide, so pool and held-out images share slides, as they do"
            " for a laboratory that corrects its own"
            " images; “of other blocks only” is the figure for slides that nobody corrected.", "",
            *measured, "", active_less_random(bench), "",
            "In brackets 95% intervals over 1,000 resamplings of smear images, paired for the gain;"
            " p by a permutation within pairs of images (never below .001), not corrected for the"
            " number of rows. “active” takes the crops that `cytoscribe feedback next` would list"
            " first (no library, so entropy and variety alone), chosen once by the checkpoint"
            " before any correction. One seed.", "",
            "## By block", "", *by_block, "",
        ]
    )  # fmt: skip


if __name__ == "__main__":
    main()
