"""Who sees whom: the future, the prefix, the image, and the batch mates.

A token is changed, and the states that may not depend on it must stay, those that must depend on
it change (Beyer et al. 2024, arXiv:2407.07726, section 3: image and prompt see each other both
ways, the answer its past). In a checkpoint with `"image_prefix": "isolated"` image tokens see only
the image, and all text the image and its own past.
"""

from collections.abc import Callable, Sequence
from dataclasses import replace

from torch import Tensor

from agent.loading import has_isolated_images
from finetune.conformance.listening import last_image_token_changed, paligemma
from finetune.conformance.places import Place
from finetune.conformance.probe import Probe, difference, least_change, serve, trained
from finetune.conformance.result import (
    CHANGE,
    Case,
    Result,
    any_shape,
    at_most,
    more_than,
    same_shape,
)
from finetune.conformance.rows import asked_otherwise

Check = Callable[[Probe, Case], Result]
Pairs = Sequence[tuple[Tensor, Tensor]]  # states before and after, (tokens, width) each
BLIND = "the changed token itself did not change: the model does not read it"


def future_in_training(probe: Probe, case: Case) -> Result:
    """The first and the last token of each answer change; nothing before them may."""
    leak, felt = 0.0, float("inf")
    for end in (0, -1):
        edit = {place: place.answer[end] for place in probe.places}
        after = probe.trained_otherwise(edit)
        for place, at in edit.items():
            earlier = [position for position in place.whole if position < at]
            leak = max(leak, difference(*_pair(probe.states, after, place, earlier)))
            felt = min(felt, difference(*_pair(probe.states, after, place, [at])))
    return _stays("future", case, leak, felt, probe)


def future_in_generation(probe: Probe, case: Case) -> Result:
    """The last token that is read of each answer changes; no choice before it may."""
    changed = probe.answers.clone()
    last = [max(len(place.answer) - 2, 0) for place in probe.places]
    for row, at in enumerate(last):
        changed[row, at] = probe.other_token(changed[row, at])
    one, other = probe.served.before, serve(probe.subject, probe.rows, changed).before
    leak = max(difference(one[i, : at + 1], other[i, : at + 1]) for i, at in enumerate(last))
    felt = min(difference(one[i, at + 1], other[i, at + 1]) for i, at in enumerate(last))
    return _stays("future", case, leak, felt, probe)


def prefix_in_training(probe: Probe, case: Case) -> Result:
    """The last token of each prompt (before the newline) changes; so must all before it."""
    edit = {place: place.prompt[-2] for place in probe.places}
    after = probe.trained_otherwise(edit)
    pairs = [
        _pair(probe.states, after, place, (*place.image, *place.prompt[:-2]))
        for place in probe.places
    ]
    felt = min(difference(*_pair(probe.states, after, p, [at])) for p, at in edit.items())
    return _prefix(probe, case, pairs, felt)


def prefix_in_generation(probe: Probe, case: Case) -> Result:
    """As in training, by prompts that end in another mark."""
    rows = [asked_otherwise(row) for row in probe.rows]
    other = serve(probe.subject, rows, probe.answers).prompts
    states = list(zip(probe.served.prompts, other, strict=True))
    felt = min(difference(a[-2], b[-2]) for a, b in states)
    return _prefix(probe, case, [(a[:-2], b[:-2]) for a, b in states], felt)


def image_in_training(probe: Probe, case: Case) -> Result:
    """The last token of each image changes; so must all image tokens before it."""
    with last_image_token_changed(probe.subject.model):
        after = trained(probe.subject, probe.batch)
    pairs = [_pair(probe.states, after, place, place.image[:-1]) for place in probe.places]
    return _changes("image", case, pairs)


def image_in_generation(probe: Probe, case: Case) -> Result:
    """As in training."""
    with last_image_token_changed(probe.subject.model):
        other = serve(probe.subject, probe.rows, probe.answers).prompts
    before = probe.subject.processor.image_seq_length - 1
    states = zip(probe.served.prompts, other, strict=True)
    return _changes("image", case, [(a[:before], b[:before]) for a, b in states])


def mates_in_training(probe: Probe, case: Case) -> Result:
    """Each row alone, and in a batch: the same states."""
    worst = 0.0
    for row, place in zip(probe.rows, probe.places, strict=True):
        alone = Probe(probe.subject, [row])
        (its,) = alone.places
        together = probe.states[place.sequence, place.whole]
        worst = max(worst, difference(alone.states[its.sequence, its.whole], together))
    return at_most("mates", case, worst, any_shape(probe.dtype))


def mates_in_generation(probe: Probe, case: Case) -> Result:
    """Each row served alone, and in a batch: every token is chosen from the same state."""
    worst = 0.0
    for i, place in enumerate(probe.places):
        answer = probe.answers[i : i + 1, : len(place.answer)]
        alone = serve(probe.subject, [probe.rows[i]], answer).before[0]
        worst = max(worst, difference(alone, probe.served.before[i, : len(place.answer)]))
    return at_most("mates", case, worst, any_shape(probe.dtype))


def cache(probe: Probe, case: Case) -> Result:
    """Answers written behind a cache, and read in one forward of training: the same states."""
    worst = 0.0
    for place, cached in zip(probe.places, probe.served.before, strict=True):
        choosing = [place.prompt[-1], *place.answer[:-1]]
        forced = probe.states[place.sequence, choosing]
        worst = max(worst, difference(forced, cached[: len(choosing)]))
    return at_most("cache", case, worst, any_shape(probe.dtype))


TRAINING: tuple[Check, ...] = (
    future_in_training, prefix_in_training, image_in_training, mates_in_training,
)  # fmt: skip
GENERATION: tuple[Check, ...] = (
    future_in_generation, prefix_in_generation, image_in_generation, mates_in_generation, cache,
)  # fmt: skip


def _prefix(probe: Probe, case: Case, pairs: Pairs, felt: float) -> Result:
    """The verdict on what stands before the changed tokens, by what the configuration says."""
    if not has_isolated_images(paligemma(probe.subject.model).config):
        return _changes("prefix", case, pairs)
    worst = max(difference(*pair) for pair in pairs)
    result = _stays("prefix", case, worst, felt, probe)
    return replace(result, detail=result.detail or "isolated: the image sees no text")


def _changes(check: str, case: Case, pairs: Pairs) -> Result:
    return more_than(check, case, min(least_change(*pair) for pair in pairs), CHANGE)


def _stays(check: str, case: Case, leak: float, felt: float, probe: Probe) -> Result:
    limit = same_shape(probe.dtype)
    result = at_most(check, case, leak, limit)
    return result if felt > limit else replace(result, status="failed", detail=BLIND)


def _pair(
    one: Tensor, other: Tensor, place: Place, positions: Sequence[int]
) -> tuple[Tensor, Tensor]:
    at = list(positions)
    return one[place.sequence, at], other[place.sequence, at]
