"""The texts of a row as token ids: those that the processor makes and that serving reads.

A prefix is <bos>, the soft prompt (if any), the prompt as `agent.prefixes.prefix_text` writes it,
a newline; a suffix is its tokens and <eos>. It knows nothing of images and masks.
"""

import re
from dataclasses import dataclass

from transformers import PaliGemmaProcessor

from agent.prefixes import prefix_text
from finetune.data.row import Row

_CONTROL = re.compile(r"<(?=(?!loc\d{4}>|seg\d{3}>)[^<>\s]+>)")
_REMEMBERED = 100_000  # texts; classes and questions repeat, captions do not


@dataclass(frozen=True)
class Encoded:
    """A row as tokens."""

    prefix: tuple[int, ...]
    suffix: tuple[int, ...]
    cut: bool  # whether it was longer


class Encoder:
    """Rows to tokens with a processor's vocabulary, at most `longest` text tokens a row."""

    def __init__(
        self, processor: PaliGemmaProcessor, longest: int, soft_prompt: tuple[int, ...] = ()
    ) -> None:
        self.tokenizer = processor.tokenizer
        self.image_token = int(processor.image_token_id)
        self.image_tokens = int(processor.image_seq_length)
        self._longest, self._soft = longest, soft_prompt
        self._known: dict[str, tuple[int, ...]] = {}

    def __call__(self, row: Row) -> Encoded:
        """A prefix that is too long loses its end (never the newline), then a suffix its end."""
        start = (self.tokenizer.bos_token_id, *self._soft)
        prompt, end = self._ids(prefix_text(row.prefix, 0)), self._ids("\n")
        suffix = (*self._ids(suffix_text(row.suffix)), self.tokenizer.eos_token_id)
        whole = (*start, *self._ids(prefix_text(row.prefix, 0) + "\n"))
        if len(whole) + len(suffix) <= self._longest:
            return Encoded(whole, suffix, cut=False)
        suffix = suffix[: max(1, self._longest - len(start) - len(end))]
        room = self._longest - len(start) - len(end) - len(suffix)
        return Encoded((*start, *prompt[:room], *end), suffix, cut=True)

    def _ids(self, text: str) -> tuple[int, ...]:
        if (known := self._known.get(text)) is not None:
            return known
        ids = tuple(self.tokenizer(text, add_special_tokens=False).input_ids)
        if len(self._known) < _REMEMBERED:
            self._known[text] = ids
        return ids


def suffix_text(answer: str) -> str:
    """The answer as it is learned: what looks like a control token is letters, <loc> is kept."""
    return _CONTROL.sub("< ", answer.strip())
