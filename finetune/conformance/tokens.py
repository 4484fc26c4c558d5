"""What is learned and what is read: labels, and the tokens of training and serving."""

from finetune.conformance.probe import Probe
from finetune.conformance.result import Case, Result, at_most
from finetune.lite.batch import IGNORED


def labels(probe: Probe, case: Case) -> Result:
    """Labels are the answers' tokens with their <eos>, in place, and IGNORED everywhere else.

    In place: as transformers takes labels, whose loss shifts them by one itself.
    """
    ids, eos = probe.batch["input_ids"], probe.subject.processor.tokenizer.eos_token_id
    expected = ids.new_full(ids.shape, IGNORED)
    for place in probe.places:
        at = list(place.answer)
        expected[place.sequence, at] = ids[place.sequence, at]
    wrong, learned = probe.batch["labels"] != expected, expected != IGNORED
    beyond, missing = int((wrong & ~learned).sum()), int((wrong & learned).sum())
    unended = sum(int(ids[place.sequence, place.answer[-1]]) != eos for place in probe.places)
    detail = _wrong_labels(beyond, missing, unended)
    return at_most("labels", case, beyond + missing + unended, 0, detail)


def _wrong_labels(beyond: int, missing: int, unended: int) -> str:
    said = {
        "beyond the answers": beyond,
        "missing or wrong in the answers": missing,
        "answers without <eos>": unended,
    }
    return ", ".join(f"{number} {what}" for what, number in said.items() if number)


def tokens(probe: Probe, case: Case) -> Result:
    """The collated tokens before each answer are those that serving reads for the same prompt."""
    ids, words = probe.batch["input_ids"], probe.subject.processor.tokenizer
    wrong, detail = 0, ""
    for row, place, read in zip(probe.rows, probe.places, probe.served.ids, strict=True):
        learned = ids[place.sequence, list(place.prefix)].tolist()
        if differing := _differing(learned, read):
            wrong += differing
            ends = [words.decode(one[-8:]) for one in (learned, read)]
            detail = detail or f"{row.prefix!r}: trained …{ends[0]!r}, served …{ends[1]!r}"
    return at_most("tokens", case, wrong, 0, detail)


def _differing(one: list[int], other: list[int]) -> int:
    together = zip(one, other, strict=False)
    return sum(a != b for a, b in together) + abs(len(one) - len(other))
