"""Who sees whom: the future, the prefix, the image, and the batch mates.

A token is changed, and the states that may not depend on it must stay, those that must depend on
it change (Beyer et al. 2024, arXiv:2407.07726, section 3: image and prompt see each other both
ways, the answer its past). In a checkpoint with `"image_prefix": "isolated"` image tokens see only
the image, and all text the image and its own past.
"""

from collections.abc import Callable, Sequence
from dataclasses import replace

import torch
from torch import Tensor

from agent.loading import has_isolated_images
from finetune.conformance.listening import last_image_token_changed, paligemma
from finetune.conformance.places import Place, find
from finetune.conformance.result import CHANGE, Case, Result, any_shape, at_most, more_than, same_shape
from finetune.conformance.rows import asked_otherwise
from finetune.conformance.running import (
    answers_of,
    difference,
    edited,
    least_change,
    other_token,
    serve,
    trained,
)
from finetune.conformance.subject import Subject
from finetune.data.row import Row

Check = Callable[[Subject, Sequence[Row], Case], Result]
BLIND = "the changed token itself did not change: the model does not read it"


def future_in_training(subject: Subject, rows: Sequence[Row], case: Case) -> Result:
    """The first and the last token of each answer change; nothing before them may."""
    batch = subject.collate(rows)
    places, states = find(batch, rows, subject.processor), trained(subject, batch)
    leak, felt = 0.0, float("inf")
    for end in (0, -1):
        edit = {place: place.answer[end] for place in places}
        after = trained(subject, edited(batch, edit, _others(subject)))
        for place, at in edit.items():
            earlier = [position for position in place.whole if position < at]
            leak = max(leak, _changed(states, after, place, earlier))
            felt = min(felt, _changed(states, after, place, [at]))
    return _stays("future", case, leak, felt, subject)


def future_in_generation(subject: Subject, rows: Sequence[Row], case: Case) -> Result:
    """The last token that is read of each answer changes; no choice before it may."""
    places = find(batch := subject.collate(rows), rows, subject.processor)
    answers = answers_of(batch, places, subject)
    changed = answers.clone()
    last = [max(len(place.answer) - 2, 0) for place in places]
    for row, at in enumerate(last):
        changed[row, at] = other_token(int(answers[row, at]), _others(subject))
    one, other = (serve(subject, rows, each).before for each in (answers, changed))
    leak = max(difference(one[i, : at + 1], other[i, : at + 1]) for i, at in enumerate(last))
    felt = min(difference(one[i, at + 1], other[i, at + 1]) for i, at in enumerate(last))
    return _stays("future", case, leak, felt, subject)


def prefix_in_training(subject: Subject, rows: Sequence[Row], case: Case) -> Result:
    """The last token of each prompt (before the newline) changes; so must all before it."""
    batch = subject.collate(rows)
    places, states = find(batch, rows, subject.processor), trained(subject, batch)
    edit = {place: place.prompt[-2] for place in places}
    after = trained(subject, edited(batch, edit, _others(subject)))
    pairs = [
        (states[place.sequence, (*place.image, *place.prompt[:-2])],
         after[place.sequence, (*place.image, *place.prompt[:-2])]) for place in places
    ]  # fmt: skip
    felt = min(_changed(states, after, place, [at]) for place, at in edit.items())
    return _prefix(subject, case, pairs, felt)


def prefix_in_generation(subject: Subject, rows: Sequence[Row], case: Case) -> Result:
    """As in training, by prompts that end in another mark."""
    places = find(batch := subject.collate(rows), rows, subject.processor)
    answers = answers_of(batch, places, subject)
    one = serve(subject, rows, answers)
    other = serve(subject, [asked_otherwise(row) for row in rows], answers)
    states = list(zip(one.prompts, other.prompts, strict=True))
    felt = min(difference(a[-2], b[-2]) for a, b in states)
    return _prefix(subject, case, [(a[:-2], b[:-2]) for a, b in states], felt)


def image_in_training(subject: Subject, rows: Sequence[Row], case: Case) -> Result:
    """The last token of each image changes; so must all image tokens before it."""
    batch = subject.collate(rows)
    places, states = find(batch, rows, subject.processor), trained(subject, batch)
    with last_image_token_changed(subject.model):
        after = trained(subject, batch)
    changed = [
        least_change(states[place.sequence, place.image[:-1]], after[place.sequence, place.image[:-1]])
        for place in places
    ]  # fmt: skip
    return more_than("image", case, min(changed), CHANGE)


def image_in_generation(subject: Subject, rows: Sequence[Row], case: Case) -> Result:
    """As in training."""
    places = find(batch := subject.collate(rows), rows, subject.processor)
    answers, tokens = answers_of(batch, places, subject), subject.processor.image_seq_length
    one = serve(subject, rows, answers).prompts
    with last_image_token_changed(subject.model):
        other = serve(subject, rows, answers).prompts
    pairs = zip(one, other, strict=True)
    changed = [least_change(a[: tokens - 1], b[: tokens - 1]) for a, b in pairs]
    return more_than("image", case, min(changed), CHANGE)


def mates_in_training(subject: Subject, rows: Sequence[Row], case: Case) -> Result:
    """Each row alone, and in a batch: the same states."""
    together = _whole(subject, rows)
    worst = max(
        difference(*_whole(subject, [row]), states)
        for row, states in zip(rows, together, strict=True)
    )
    return at_most("mates", case, worst, any_shape(paligemma(subject.model).dtype))


def mates_in_generation(subject: Subject, rows: Sequence[Row], case: Case) -> Result:
    """Each row served alone, and in a batch: every token is chosen from the same state."""
    places = find(batch := subject.collate(rows), rows, subject.processor)
    answers = answers_of(batch, places, subject)
    together = serve(subject, rows, answers).before
    worst = 0.0
    for i, place in enumerate(places):
        alone = serve(subject, [rows[i]], answers[i : i + 1, : len(place.answer)]).before[0]
        worst = max(worst, difference(alone, together[i, : len(place.answer)]))
    return at_most("mates", case, worst, any_shape(paligemma(subject.model).dtype))


def cache(subject: Subject, rows: Sequence[Row], case: Case) -> Result:
    """Answers written behind a cache, and read in one forward of training: the same states."""
    batch = subject.collate(rows)
    places, states = find(batch, rows, subject.processor), trained(subject, batch)
    before = serve(subject, rows, answers_of(batch, places, subject)).before
    worst = 0.0
    for i, place in enumerate(places):
        choosing = [place.prompt[-1], *place.answer[:-1]]
        cached = before[i, : len(choosing)]
        worst = max(worst, difference(states[place.sequence, choosing], cached))
    return at_most("cache", case, worst, any_shape(paligemma(subject.model).dtype))


TRAINING: tuple[Check, ...] = (
    future_in_training, prefix_in_training, image_in_training, mates_in_training,
)  # fmt: skip
GENERATION: tuple[Check, ...] = (
    future_in_generation, prefix_in_generation, image_in_generation, mates_in_generation, cache,
)  # fmt: skip


def _whole(subject: Subject, rows: Sequence[Row]) -> list[Tensor]:
    """The states of each row's tokens in one batch of them."""
    batch = subject.collate(rows)
    states = trained(subject, batch)
    return [
        states[place.sequence, place.whole] for place in find(batch, rows, subject.processor)
    ]


def _prefix(
    subject: Subject, case: Case, pairs: Sequence[tuple[Tensor, Tensor]], felt: float
) -> Result:
    """The verdict on what stands before the changed tokens, by what the configuration says."""
    stock = paligemma(subject.model)
    if has_isolated_images(stock.config):
        worst = max(difference(one, other) for one, other in pairs)
        result = _stays("prefix", case, worst, felt, subject)
        return replace(result, detail=result.detail or "isolated: the image sees no text")
    return more_than("prefix", case, min(least_change(*pair) for pair in pairs), CHANGE)


def _stays(check: str, case: Case, leak: float, felt: float, subject: Subject) -> Result:
    limit = same_shape(paligemma(subject.model).dtype)
    result = at_most(check, case, leak, limit)
    return result if felt > limit else replace(result, status="failed", detail=BLIND)


def _changed(one: Tensor, other: Tensor, place: Place, positions: Sequence[int]) -> float:
    at = list(positions)
    return difference(one[place.sequence, at], other[place.sequence, at])


def _others(subject: Subject) -> list[int]:
    """Two ordinary tokens to put in place of others."""
    words = subject.processor.tokenizer
    return [words(text, add_special_tokens=False).input_ids[-1] for text in ("7", "!")]
