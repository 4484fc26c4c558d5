"""Rows as a subject collates, trains on and serves them: states of the decoder at known places."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property

import torch
from torch import Tensor

from finetune.conformance.listening import listen, paligemma, training
from finetune.conformance.places import NotThereError, Place, find
from finetune.conformance.subject import Batch, Subject
from finetune.data.row import Row

Edit = Mapping[Place, int]  # which position of a row gets another token


class Probe:
    """Some rows in a subject's hands; what several checks look at is done once."""

    def __init__(self, subject: Subject, rows: Sequence[Row]) -> None:
        self.subject, self.rows = subject, rows

    @property
    def dtype(self) -> torch.dtype:
        return paligemma(self.subject.model).dtype

    @cached_property
    def batch(self) -> Batch:
        return self.subject.collate(self.rows)

    @cached_property
    def places(self) -> list[Place]:
        return find(self.batch, self.rows, self.subject.processor)

    @cached_property
    def states(self) -> Tensor:
        """(sequences, length, width)."""
        return trained(self.subject, self.batch)

    @cached_property
    def answers(self) -> Tensor:
        """The answers' tokens as they were collated, (rows, longest), filled up with <eos>."""
        ids, eos = self.batch["input_ids"], self.subject.processor.tokenizer.eos_token_id
        found = [ids[place.sequence, list(place.answer)] for place in self.places]
        filled: Tensor = torch.nn.utils.rnn.pad_sequence(found, batch_first=True, padding_value=eos)
        return filled

    @cached_property
    def served(self) -> "Served":
        return serve(self.subject, self.rows, self.answers)

    def trained_otherwise(self, edit: Edit) -> Tensor:
        """The states with another token at a position of each row."""
        ids = self.batch["input_ids"].clone()
        for place, position in edit.items():
            ids[place.sequence, position] = self.other_token(ids[place.sequence, position])
        return trained(self.subject, {**self.batch, "input_ids": ids})

    def other_token(self, token: Tensor) -> int:
        """An ordinary token that is not this one."""
        words = self.subject.processor.tokenizer
        others = [int(words(text, add_special_tokens=False).input_ids[-1]) for text in ("7", "!")]
        return others[0] if others[0] != int(token) else others[1]


def trained(subject: Subject, batch: Batch) -> Tensor:
    """The decoder's states in one forward of training, (sequences, length, width)."""
    with training(subject.model), listen(subject.model) as heard:
        subject.forward(batch)
    return heard.all_states()[:, -batch["input_ids"].shape[1] :]


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
