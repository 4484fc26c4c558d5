"""One forward of training, or one served batch, as states of the decoder at known places."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from finetune.conformance.listening import listen, training
from finetune.conformance.places import NotThereError, Place
from finetune.conformance.subject import Batch, Subject
from finetune.data.row import Row

Edit = Mapping[Place, int]  # which position of a row gets another token


def trained(subject: Subject, batch: Batch) -> Tensor:
    """The decoder's states in one forward of training, (sequences, length, width)."""
    with training(subject.model), listen(subject.model) as heard:
        subject.forward(batch)
    return heard.all_states()[:, -batch["input_ids"].shape[1] :]


def edited(batch: Batch, edit: Edit, others: Sequence[int]) -> dict[str, Any]:
    """The batch with another token, one of two `others`, at a position of each row."""
    ids = batch["input_ids"].clone()
    for place, position in edit.items():
        ids[place.sequence, position] = other_token(int(ids[place.sequence, position]), others)
    return {**batch, "input_ids": ids}


def other_token(token: int, others: Sequence[int]) -> int:
    """The first of `others` that is not `token`."""
    return next(other for other in others if other != token)


@dataclass(frozen=True)
class Served:
    """What was heard while prompts were read and answers written behind them."""

    ids: list[list[int]]  # of each prompt, without padding
    prompts: list[Tensor]  # (tokens, width) each: states of the prompt's tokens
    before: Tensor  # (rows, steps, width): the state that each answer token is chosen from


def serve(subject: Subject, rows: Sequence[Row], answers: Tensor) -> Served:
    """Serve the rows as one batch; the last token of `answers` (rows, steps) is never read."""
    with torch.no_grad(), listen(subject.model) as heard:
        subject.serve(rows, answers)
    ids, states, steps = heard.all_ids(), heard.all_states(), answers.shape[1]
    if states.shape[1] < ids.shape[1] or ids.shape[1] < steps:
        raise NotThereError(f"serving read {ids.shape[1]} tokens and made {states.shape[1]} states")
    end = ids.shape[1] - steps + 1
    virtual = states.shape[1] - ids.shape[1]
    real = ids[:, :end] != subject.processor.tokenizer.pad_token_id
    return Served(
        [row[there].tolist() for row, there in zip(ids[:, :end], real, strict=True)],
        [row[virtual : virtual + end][there] for row, there in zip(states, real, strict=True)],
        states[:, -steps:],
    )


def answers_of(batch: Batch, places: Sequence[Place], subject: Subject) -> Tensor:
    """The answers' tokens of the collated rows, (rows, longest), filled up with <eos>."""
    eos = subject.processor.tokenizer.eos_token_id
    found = [batch["input_ids"][place.sequence, list(place.answer)] for place in places]
    filled: Tensor = torch.nn.utils.rnn.pad_sequence(found, batch_first=True, padding_value=eos)
    return filled


def difference(one: Tensor, other: Tensor) -> float:
    """The largest difference of two sets of states, relative to the largest state."""
    if one.shape != other.shape:
        return float("inf")
    if not one.numel():
        return 0.0
    return float((one - other).abs().max() / one.abs().max())


def least_change(one: Tensor, other: Tensor) -> float:
    """Of the states (tokens, width) the one that changed least, relative to the largest state."""
    return float((one - other).abs().amax(-1).min() / one.abs().max())
