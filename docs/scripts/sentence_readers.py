"""Sentences on the literature, drawn from answers for people to read; and what the readers found.

    python docs/scripts/sentence_readers.py draw QUESTIONS --library FILE --library FILE --out s.csv
    python docs/scripts/sentence_readers.py score first.csv second.csv

QUESTIONS has a question a line; the library is filled with the files of literature. Each question
is put to the agent; of all sentences on the literature some are drawn by seed and written with the
passage that they cite. Each reader fills the columns of a copy with y or n, without seeing the
other's:

    supported   the passage says this
    fair        read alone, the sentence gives no other idea of it than the whole passage does
    answers     it says something on what was asked
"""

import csv
import random
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path

import click

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT))

from agent.build import open_assistant  # noqa: E402
from agent.settings import load_settings  # noqa: E402
from agent.turn import Sentence, TurnRecord  # noqa: E402
from eval.commands.scratch import scratch  # noqa: E402
from eval.descriptions import estimate, mean_value  # noqa: E402
from eval.rag.verdicts import kappa  # noqa: E402
from eval.watching import watch  # noqa: E402
from tools.errors import BadInputError  # noqa: E402
from tools.evidence import LiteratureEvidence  # noqa: E402
from tools.ingest import ingest_literature  # noqa: E402

VERDICTS = ("supported", "fair", "answers")
Row = dict[str, str]
existing = click.Path(exists=True, dir_okay=False, path_type=Path)


@click.group()
def main() -> None:
    """Draw sentences for readers, and score what they say."""


@main.command()
@click.argument("questions", type=existing)
@click.option("--library", "files", multiple=True, required=True, type=existing)
@click.option("-n", "number", default=100, show_default=True)
@click.option("--seed", default=7, show_default=True)
@click.option("--out", required=True, type=click.Path(path_type=Path))
def draw(questions: Path, files: Sequence[Path], number: int, seed: int, out: Path) -> None:
    """Ask QUESTIONS and write a sheet of sentences, its verdicts empty."""
    asked = [line for line in questions.read_text(encoding="utf-8").splitlines() if line.strip()]
    rows = list(_sentences(asked, files))
    drawn = random.Random(seed).sample(rows, min(number, len(rows)))
    with out.open("w", newline="", encoding="utf-8") as file:
        sheet = csv.DictWriter(file, ["number", *drawn[0], *VERDICTS, "remark"], restval="")
        sheet.writeheader()
        sheet.writerows({"number": str(n), **row} for n, row in enumerate(drawn, 1))
    click.echo(f"{len(drawn)} of {len(rows)} sentences, from {len(asked)} questions: {out}")


def _sentences(asked: Sequence[str], files: Sequence[Path]) -> Iterator[Row]:
    settings = load_settings(starter_library=False)
    with scratch(settings) as (own, _), open_assistant(own) as assistant:
        for file in files:
            ingest_literature(file, store=assistant.store, encoder=assistant.encoder)
        with watch("Asking", len(asked)) as step:
            for number, question in enumerate(asked):
                record = assistant.ask(assistant.new_turn(f"read-{number}", question, []))
                yield from _of_literature(question, record)
                step(1)


def _of_literature(question: str, record: TurnRecord) -> Iterator[Row]:
    for sentence in record.answer.sentences:
        if sentence.kind == "claim" and (passage := _cited(sentence, record)):
            yield {"question": question, "sentence": sentence.text,
                   "source": passage.source_id, "passage": passage.passage}  # fmt: skip


def _cited(sentence: Sentence, record: TurnRecord) -> LiteratureEvidence | None:
    cited = (record.evidence()[i] for i in sentence.evidence_ids)
    return next((e for e in cited if isinstance(e, LiteratureEvidence)), None)


@main.command()
@click.argument("first", type=existing)
@click.argument("second", type=existing)
def score(first: Path, second: Path) -> None:
    """Shares by reader and by both, with their agreement."""
    for verdict in VERDICTS:
        pairs = list(zip(_given(first, verdict), _given(second, verdict), strict=True))
        both = estimate(mean_value(), [float(a and b) for a, b in pairs])
        one, two = _share(a for a, _ in pairs), _share(b for _, b in pairs)
        click.echo(
            f"{verdict:10} first {one}, second {two}"
            f", both {both.value:.3f} ({both.low:.3f} to {both.high:.3f}); the same verdict"
            f" {_share(a == b for a, b in pairs)}, kappa {_kappa(pairs)}"
        )


def _given(sheet: Path, verdict: str) -> list[bool]:
    """The verdicts of a reader; BadInputError names the first that is neither y nor n."""
    with sheet.open(newline="", encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    for row in rows:
        if row[verdict] not in ("y", "n"):
            raise BadInputError(f"{sheet}: {verdict} of {row['number']} is neither y nor n")
    return [row[verdict] == "y" for row in rows]


def _share(values: Iterator[bool]) -> str:
    found = list(values)
    return f"{sum(found) / len(found):.2f}"


def _kappa(pairs: Sequence[tuple[bool, bool]]) -> str:
    value = kappa(pairs)
    return "undefined (all alike)" if value is None else f"{value:.2f}"


if __name__ == "__main__":
    main()
