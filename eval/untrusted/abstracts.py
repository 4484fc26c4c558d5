"""Titles and abstracts of corpora in the forms in which they are published."""

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

Abstract = tuple[str, str]  # title, text


def read_abstracts(path: Path) -> list[Abstract]:
    """Of JSON lines (SciFact, BEIR, Hallmarks of Cancer, AnatEM), PubMedQA's JSON, or PubTator."""
    if path.suffix == ".jsonl":
        lines = path.read_text(encoding="utf-8").splitlines()
        return [_of_line(json.loads(line)) for line in lines if line.strip()]
    if path.suffix == ".json":
        told = json.loads(path.read_text(encoding="utf-8"))
        return [
            (e["QUESTION"], " ".join([*e["CONTEXTS"], e["LONG_ANSWER"]])) for e in told.values()
        ]
    return list(_of_pubtator(path.read_text(encoding="utf-8")))


def _of_line(told: dict[str, Any]) -> Abstract:
    said = told.get("abstract") or told.get("sentences") or told.get("text") or ""
    return told.get("title", ""), said if isinstance(said, str) else " ".join(said)


def _of_pubtator(text: str) -> Iterator[Abstract]:
    titles = dict(re.findall(r"^(\d+)\|t\|(.*)$", text, re.MULTILINE))
    for number, said in re.findall(r"^(\d+)\|a\|(.*)$", text, re.MULTILINE):
        yield titles.get(number, ""), said
