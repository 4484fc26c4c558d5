"""Reads the abstracts behind the starter bibliography, to check its summaries against them."""

import json
import re
from collections.abc import Iterator
from pathlib import Path

UNITS = (
    "zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten",
    "eleven", "twelve", "thirteen", "fourteen", "fifteen", "sixteen", "seventeen", "eighteen",
    "nineteen",
)  # fmt: skip
TENS = dict(zip(("twenty", "thirty", "forty", "fifty", "sixty", "seventy", "eighty", "ninety"),
                range(20, 100, 10), strict=True))  # fmt: skip


def abstracts(root: Path) -> dict[str, str]:
    """Title and abstract by PMID, over the four data sets."""
    texts: dict[str, str] = {}
    for pmid, text in (*_pubtator(root), *_pubmedqa(root), *_lines(root)):
        texts[pmid] = f"{texts.get(pmid, '')} {text}"
    return texts


def _pubtator(root: Path) -> Iterator[tuple[str, str]]:
    for path in sorted((root / "ncbi_disease").glob("NCBI*.txt")):
        for line in path.read_text(encoding="utf-8").splitlines():
            if found := re.match(r"(\d+)\|[ta]\|(.*)", line):
                yield found[1], found[2]


def _pubmedqa(root: Path) -> Iterator[tuple[str, str]]:
    items = json.loads((root / "pubmedqa/data/ori_pqal.json").read_text(encoding="utf-8"))
    for pmid, item in items.items():
        yield pmid, " ".join(item["CONTEXTS"])


def _lines(root: Path) -> Iterator[tuple[str, str]]:
    for name in ("anatem/anatem_pmid.jsonl", "hallmarks_of_cancer/hoc.jsonl"):
        for line in (root / name).read_text(encoding="utf-8").splitlines():
            item = json.loads(line)
            yield str(item["pmid"]), item.get("text") or " ".join(item["sentences"])


def words(text: str) -> list[str]:
    return re.findall(r"[a-z0-9]+", text.lower())


def runs(text: str, n: int) -> set[tuple[str, ...]]:
    """Every run of n words."""
    said = words(text)
    return {tuple(said[i : i + n]) for i in range(len(said) - n + 1)}


def digits(text: str) -> set[str]:
    """Numbers written in digits, without separators ("2, 000" is 2000, "5. 5" is 5.5)."""
    tidy = re.sub(r"(\d)\. (\d)", r"\1.\2", text)
    tidy = re.sub(r"(\d),? (\d{3})\b", r"\1\2", tidy)
    return {n.replace(",", "") for n in re.findall(r"\d+(?:,\d{3})*(?:\.\d+)?", tidy)}


def numbers(text: str) -> set[str]:
    """All numbers, those that are spelt out ("eighty-three") too."""
    said = words(text)
    units = {word: value for value, word in enumerate(UNITS)}
    pairs = zip(said, [*said[1:], ""], strict=True)
    tens = {str(TENS[first] + units.get(second, 0)) for first, second in pairs if first in TENS}
    return digits(text) | tens | {str(units[word]) for word in said if word in units}
