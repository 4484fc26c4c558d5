"""Where a row's tokens stand in a batch that some tool has made of it.

Found by the tokens of its answer, so that neither labels nor masks, which are to be checked, are
believed. Several rows may share a sequence, one behind the other.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from transformers import PaliGemmaProcessor

from finetune.conformance.subject import Batch
from finetune.data.row import Row


class NotThereError(ValueError):
    """The batch does not hold what it should."""


@dataclass(frozen=True)
class Place:
    """A row's positions in one sequence of a batch."""

    sequence: int
    image: tuple[int, ...]
    prompt: tuple[int, ...]  # <bos>, prompt and newline
    answer: tuple[int, ...]  # with <eos>, where the tool put one

    @property
    def prefix(self) -> tuple[int, ...]:
        return self.image + self.prompt

    @property
    def whole(self) -> tuple[int, ...]:
        return self.prefix + self.answer


def find(batch: Batch, rows: Sequence[Row], processor: PaliGemmaProcessor) -> list[Place]:
    """The place of each row, in their order. Raises NotThereError."""
    sequences: list[list[int]] = batch["input_ids"].tolist()
    spans = [_answer(sequences, row, processor.tokenizer) for row in rows]
    return [_place(sequences[span[0]], span, spans, processor) for span in spans]


Span = tuple[int, int, int]  # sequence, start and stop of an answer


def _answer(sequences: list[list[int]], row: Row, words: Any) -> Span:
    wanted = words(row.suffix, add_special_tokens=False).input_ids
    for number, ids in enumerate(sequences):
        for start in reversed(range(len(ids) - len(wanted) + 1)):
            stop = start + len(wanted)
            if ids[start:stop] == wanted:
                ended = ids[stop : stop + 1] == [words.eos_token_id]
                return number, start, stop + ended
    raise NotThereError(f"the tokens of the answer {row.suffix!r} are not in the batch")


def _place(
    ids: list[int], span: Span, spans: Sequence[Span], processor: PaliGemmaProcessor
) -> Place:
    number, start, stop = span
    before = max((other for n, _, other in spans if n == number and other <= start), default=0)
    image = tuple(i for i in range(start) if ids[i] == processor.image_token_id)
    apart = {processor.image_token_id, processor.tokenizer.pad_token_id}
    prompt = tuple(i for i in range(before, start) if ids[i] not in apart)
    return Place(number, image, prompt, tuple(range(start, stop)))
