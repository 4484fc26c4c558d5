"""Train the head that tells whether a sentence speaks to a program.

    python -m eval.untrusted.train --articles scifact/corpus.jsonl --articles ori_pqal.json \
        --held-out hoc.jsonl --out address_head.json

Attacks are those of eval/data/poison, train.jsonl and dev.jsonl; innocent are innocent.jsonl and
every sentence of --articles. Told first: what heads find of styles that they were not trained on;
what a head of train.jsonl alone finds in dev.jsonl. --held-out articles are not trained on: the
thresholds are set by their false alarms. test.jsonl is only measured.
"""

import hashlib
import json
import random
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import click
import numpy as np

from eval.untrusted.abstracts import Abstract, read_abstracts
from eval.untrusted.rows import DATA, TOPIC, Attack, read_attacks, read_texts
from tools.address_features import COLUMNS, features, sentences
from tools.address_head import AddressHead
from tools.letters import Letters
from tools.linear_head import fit, write_head
from tools.untrusted import plain

PENALTY, FOLDS = 0.3, 5
INNOCENT = 2  # times each counts
REFUSED, UNQUOTED = 0.001, 0.05  # share of held-out articles with such a sentence
SHORT_TOPICS = ("it", "the disease", "acute leukaemia", "neutropenia", "anaemia of inflammation")
existing = click.Path(exists=True, dir_okay=False, path_type=Path)


@dataclass(frozen=True)
class Sentence:
    """Words, whether their text is in another language throughout, and where they come from."""

    text: str
    foreign: bool = False
    style: str = ""


@click.command()
@click.option("--articles", type=existing, multiple=True, required=True, help="To train on.")
@click.option("--held-out", type=existing, multiple=True, required=True, help="For thresholds.")
@click.option("--licence", default="", help="Noted in the file.")
@click.option("--out", type=click.Path(dir_okay=False, path_type=Path), help="A new file.")
def main(
    articles: tuple[Path, ...], held_out: tuple[Path, ...], licence: str, out: Path | None
) -> None:
    """Tell the figures, and write a head of both sides to --out."""
    if out and out.exists():
        raise click.UsageError(f"--out {out} exists; name another file, or delete it first")
    real = [pair for path in articles for pair in read_abstracts(path)]
    others = {str(path): read_abstracts(path) for path in held_out}
    letters = Letters.fit(plain(text) for _, text in real)
    letters = Letters.from_text(letters.as_text())  # as the file will have it
    train, dev, test = (read_attacks(DATA / f"{n}.jsonl") for n in ("train", "dev", "test"))
    prose = list(_prose(real))
    told = {
        "left_out": _left_out(train, prose, letters, others),
        "dev": found(first := _head(train, prose, letters, others), dev),
        "test": found(first, test),
    }
    head = _head([*train, *dev], prose, letters, others)
    told |= {"test_by_both": found(head, test), "train": found(head, train),
             "refused": {name: alarms(head, pairs) for name, pairs in others.items()}}  # fmt: skip
    click.echo(json.dumps(told))
    if out:
        digest = hashlib.sha256(b"".join(
            (DATA / f"{name}.jsonl").read_bytes() for name in ("train", "dev", "innocent")
        )).hexdigest()  # fmt: skip
        data = f"{len(train) + len(dev)} attacks, sha256 {digest}, {len(prose)} sentences"
        write_head(out, head.head, name="addresses a program", data=data, licence=licence,
                   refused=round(head.refused, 3), unquoted=round(head.unquoted, 3),
                   letters=letters.as_text())  # fmt: skip


def _prose(articles: Sequence[Abstract]) -> Iterator[Sentence]:
    for title, text in articles:
        for piece in filter(None, [title, *sentences(plain(text))]):
            yield Sentence(plain(piece))
    for style, text in read_texts(DATA / "innocent.jsonl"):
        yield from [Sentence(plain(text), "languages" in style, style)] * INNOCENT


def _wordings(attacks: Sequence[Attack], prose: Sequence[Sentence]) -> Iterator[Sentence]:
    """Each as it is, after half a sentence of prose, and, in another language, among its like."""
    rng = random.Random(5)
    real = [s.text for s in prose if not s.style][::7]
    for attack in attacks:
        if attack.kind == "claim":  # plain prose but for its numbers
            continue
        said = plain(attack.text.replace(TOPIC, rng.choice(SHORT_TOPICS)))
        yield Sentence(said, style=attack.style)
        words = rng.choice(real).split()
        if rng.random() < 0.5:
            begun = " ".join(words[: max(3, len(words) // 2)])
            yield Sentence(f"{begun} {said}", style=attack.style)
        if "languages" in attack.style:
            yield Sentence(said, True, attack.style)


def _head(
    attacks: Sequence[Attack], prose: Sequence[Sentence], letters: Letters,
    others: dict[str, list[Abstract]],
) -> AddressHead:  # fmt: skip
    wordings = list(_wordings(attacks, prose))
    rows = _matrix([*wordings, *prose], letters)
    targets = np.r_[np.ones(len(wordings)), np.zeros(len(prose))][:, None]
    fitted = fit(rows, targets, ("addresses a program",), PENALTY, "sigmoid")
    rounded = type(fitted).from_json(fitted.as_json())
    bare = AddressHead(rounded, letters, 0.0, 0.0)
    worst = np.array([most(bare, *pair) for pairs in others.values() for pair in pairs])
    refused, unquoted = np.quantile(worst, [1 - REFUSED, 1 - UNQUOTED])
    return AddressHead(rounded, letters, float(refused), float(unquoted))


def _matrix(texts: Sequence[Sentence], letters: Letters) -> Any:
    """Sparse: (n, COLUMNS)."""
    from scipy.sparse import csr_matrix

    rows = [features(one.text, letters, one.foreign) for one in texts]
    ends = np.cumsum([0, *map(len, rows)])
    columns = np.fromiter((c for row in rows for c in row), np.int64, ends[-1])
    values = np.fromiter((v for row in rows for v in row.values()), float, ends[-1])
    return csr_matrix((values, columns, ends), (len(rows), COLUMNS))


def most(head: AddressHead, title: str, text: str) -> float:
    """The highest score of an article's sentences."""
    return max(head.scores(sentences(plain(text))), default=-9.0)


def found(head: AddressHead, attacks: Sequence[Attack]) -> dict[str, list[int]]:
    """By kind: how many there are, are refused, and are not quoted."""
    told: dict[str, list[int]] = {}
    for attack in attacks:
        score = most(head, "", attack.text.replace(TOPIC, "acute leukaemia"))
        counts = told.setdefault(attack.kind, [0, 0, 0])
        for i, one in enumerate((True, score >= head.refused, score >= head.unquoted)):
            counts[i] += one
    return told


def alarms(head: AddressHead, articles: Sequence[Abstract]) -> list[int]:
    """Articles, refused ones, ones with a sentence that is not quoted."""
    scores = [most(head, *pair) for pair in articles]
    return [
        len(scores),
        *(sum(s >= least for s in scores) for least in (head.refused, head.unquoted)),
    ]


def _left_out(
    attacks: Sequence[Attack], prose: Sequence[Sentence], letters: Letters,
    others: dict[str, list[Abstract]],
) -> dict[str, list[int]]:  # fmt: skip
    """Of styles that heads were not trained on, all folds together."""
    styles = sorted({attack.style for attack in attacks})
    told: dict[str, list[int]] = {}
    for fold in range(FOLDS):
        out = set(styles[fold::FOLDS])
        head = _head([a for a in attacks if a.style not in out], prose, letters, others)
        for kind, counts in found(head, [a for a in attacks if a.style in out]).items():
            told[kind] = [a + b for a, b in zip(told.get(kind, [0, 0, 0]), counts, strict=True)]
    return told


if __name__ == "__main__":
    main()
