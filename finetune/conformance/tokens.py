"""What is learned and what is read: labels, and the tokens of training and serving."""

from collections.abc import Sequence

from finetune.conformance.places import find
from finetune.conformance.result import Case, Result, at_most
from finetune.conformance.running import answers_of, serve
from finetune.conformance.subject import Subject
from finetune.data.row import Row
from finetune.lite.batch import IGNORED


def labels(subject: Subject, rows: Sequence[Row], case: Case) -> Result:
    """Labels are the answers' tokens with their <eos>, in place, and IGNORED everywhere else.

    In place: as transformers takes labels, whose loss shifts them by one itself.
    """
    batch = subject.collate(rows)
    places = find(batch, rows, subject.processor)
    expected = batch["input_ids"].new_full(batch["input_ids"].shape, IGNORED)
    for place in places:
        at = list(place.answer)
        expected[place.sequence, at] = batch["input_ids"][place.sequence, at]
    wrong = batch["labels"] != expected
    ended = answers_of(batch, places, subject).eq(subject.processor.tokenizer.eos_token_id)
    unended = int((~ended.any(1)).sum())
    detail = _wrong_labels(int((wrong & (expected == IGNORED)).sum()),
                           int((wrong & (expected != IGNORED)).sum()), unended)  # fmt: skip
    return at_most("labels", case, int(wrong.sum()) + unended, 0, detail)


def _wrong_labels(beyond: int, missing: int, unended: int) -> str:
    said = {
        "beyond the answers": beyond,
        "missing or wrong in the answers": missing,
        "answers without <eos>": unended,
    }
    return ", ".join(f"{number} {what}" for what, number in said.items() if number)


def tokens(subject: Subject, rows: Sequence[Row], case: Case) -> Result:
    """The collated tokens before each answer are those that serving reads for the same prompt."""
    batch = subject.collate(rows)
    places = find(batch, rows, subject.processor)
    served = serve(subject, rows, answers_of(batch, places, subject)).ids
    wrong, detail = 0, ""
    for row, place, read in zip(rows, places, served, strict=True):
        learned = batch["input_ids"][place.sequence, list(place.prefix)].tolist()
        if differing := _differing(learned, read):
            wrong += differing
            shown = [subject.processor.tokenizer.decode(ids[-8:]) for ids in (learned, read)]
            detail = detail or f"{row.prefix!r}: trained …{shown[0]!r}, served …{shown[1]!r}"
    return at_most("tokens", case, wrong, 0, detail)


def _differing(one: list[int], other: list[int]) -> int:
    together = zip(one, other, strict=False)
    return sum(a != b for a, b in together) + abs(len(one) - len(other))
