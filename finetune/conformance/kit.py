"""Runs every check on a subject: each attention, padded and not, training and generation."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from finetune.conformance.adapter import adapter
from finetune.conformance.listening import paligemma
from finetune.conformance.masks import GENERATION, TRAINING, Check
from finetune.conformance.probe import Probe
from finetune.conformance.result import Case, Result, skipped
from finetune.conformance.rows import even_rows, uneven_rows
from finetune.conformance.subject import Subject
from finetune.conformance.tokens import labels, tokens

ATTENTIONS = ("eager", "sdpa")
STAGES = {"training": TRAINING, "generation": GENERATION}
ROWS = {"none": even_rows, "padded": uneven_rows}

# What a foreign tool may raise on rows that it does not take; that is a finding, not an end.
RAISED = (ValueError, TypeError, KeyError, IndexError, AttributeError, RuntimeError)


def conform(
    subject: Subject,
    adapter_folder: Path | None = None,
    attentions: Sequence[str] = ATTENTIONS,
) -> Iterator[Result]:
    """Every check in every case, as it is done; what a tool raises is a failed check."""
    yield adapter(subject, adapter_folder)
    for padding, rows in ROWS.items():
        probe = Probe(subject, rows())
        yield from (_tried(check, probe, Case(padding=padding)) for check in (labels, tokens))
    for attention in attentions:
        if why := lacks(subject, attention):
            yield skipped("masks", Case(attention=attention), why)
            continue
        with attending(subject, attention):
            yield from _masks(subject, attention)


def lacks(subject: Subject, attention: str) -> str:
    """Why the architecture has no such attention; empty where it has."""
    decoder: Any = paligemma(subject.model).model.language_model
    if attention == "sdpa" and not decoder._supports_sdpa:
        return f"{type(decoder).__name__} has no SDPA in this transformers: it caps the scores"
    return ""


def _masks(subject: Subject, attention: str) -> Iterator[Result]:
    for padding, rows in ROWS.items():
        probe = Probe(subject, rows())
        for stage, checks in STAGES.items():
            case = Case(stage, attention, padding)
            yield from (_tried(check, probe, case) for check in checks)


def _tried(check: Check, probe: Probe, case: Case) -> Result:
    try:
        return check(probe, case)
    except RAISED as error:
        said = (str(error).splitlines() or [""])[0]
        name = check.__name__.partition("_")[0]
        return Result(name, case, "failed", detail=f"{type(error).__name__}: {said}")


@contextmanager
def attending(subject: Subject, attention: str) -> Iterator[None]:
    """The model with another attention meanwhile."""
    stock: Any = paligemma(subject.model)
    parts = ("text_config", "vision_config")
    was = {part: getattr(stock.config, part)._attn_implementation for part in parts}
    was[""] = stock.config._attn_implementation
    stock.set_attn_implementation(attention)
    try:
        yield
    finally:
        stock.set_attn_implementation(was)
