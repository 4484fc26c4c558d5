"""Prompts read behind images, and answers scored after them, the way a checkpoint was trained.

Google's checkpoints read image and prompt as one prefix that sees itself both ways, anew for each
prompt (Beyer et al. 2024, arXiv:2407.07726). A checkpoint whose configuration says
`"image_prefix": "isolated"` was trained with image tokens that see only the image, and with text
that sees the image and its own past: there an image is read once, and all that is asked of it
follows behind. What is asked is no matter of this module.
"""

import re
from collections.abc import Iterator, Sequence
from typing import Protocol, cast

import torch
from torch import Tensor
from transformers import PaliGemmaProcessor

from agent import prompts
from agent.decoding import Decoder, Reading
from agent.loading import has_isolated_images
from agent.token_tree import Continued, token_tree
from tools.errors import BadInputError
from tools.protocols import Asked, ImageFeatures

IMAGE_TOKEN = "<image>"
FORWARD = 4096  # tokens read at once: enough to fill a CPU, small enough for its memory
_TOKEN_LIKE = re.compile(r"<(?=[^<>\s]+>)")


def prefix_text(prompt: str, images: int = 1) -> str:
    """The text that the processor is given, in training and serving: `<image>` and one line.

    What looks like a special token in a user's words (`<image>`, `<loc0001>`, `<eos>`) is data and
    gets a space, so that it is read as letters.
    """
    line = " ".join(prompt.encode("utf-8", "replace").decode().split())
    return IMAGE_TOKEN * images + _TOKEN_LIKE.sub("< ", line)


def task(question: str | None) -> str:
    """The prompt of a question; without one, of a description. BadInputError if it is empty."""
    try:
        return prompts.describe() if question is None else prompts.answer(question)
    except ValueError as error:
        raise BadInputError(str(error)) from error


def parts(features: ImageFeatures, size: int) -> Iterator[ImageFeatures]:
    """At most `size` images at a time; where that is all of them, with what was kept of them."""
    if features.n <= size:
        yield features
        return
    for tower in features.tower.split(size):
        yield ImageFeatures(tower, len(tower))


def together(features: ImageFeatures) -> ImageFeatures:
    """Several images as one: their tokens side by side."""
    if features.n == 1:
        return features
    return ImageFeatures(features.tower.flatten(0, 1)[None], 1)


class Prefixes(Protocol):
    """How prompts are read behind images."""

    rows: int  # images that fit into one forward
    together: bool  # whether one pass scores many questions

    def read(self, prefixes: Sequence[str], features: ImageFeatures) -> tuple[Reading, int]:
        """Read one prompt behind each image; also how many tokens may follow.

        Raises BadInputError where it does not fit into the context window.
        """

    def score(self, features: ImageFeatures, asked: Sequence[Asked]) -> Tensor:
        """Log-probabilities of all answers, prompt by prompt, (n images, answers).

        An answer's is that of its tokens and <eos> after the prompt. Raises BadInputError as
        `read`; not `together`, it takes one prompt.
        """


class Words:
    """Texts as the tokens that the processor would make of them."""

    def __init__(
        self, processor: PaliGemmaProcessor, decoder: Decoder, name: str, soft_prompt: str = ""
    ) -> None:
        self._words, self._lock, self._name = processor.tokenizer, decoder.lock, name
        self._start = self._words.bos_token + soft_prompt
        self.window = decoder.window

    def prefixes(self, prefixes: Sequence[str], images: int) -> tuple[Tensor, Tensor]:
        """Ids behind so many image tokens and their attention mask, (n, length), left-padded."""
        seen = IMAGE_TOKEN * images + self._start
        texts = [f"{seen}{prefix_text(prefix, 0)}\n" for prefix in prefixes]
        with self._lock:  # a tokenizer keeps its padding as state
            batch = self._words(texts, padding=True, return_tensors="pt")
        return batch["input_ids"], batch["attention_mask"]

    def suffixes(self, options: Sequence[str]) -> list[list[int]]:
        """Tokens of the answers, each with <eos>, as the processor makes them from a suffix."""
        ended = [option + self._words.eos_token for option in options]
        with self._lock:
            ids: list[list[int]] = self._words([""] * len(ended), text_pair=ended)["input_ids"]
        return ids

    def room(self, tokens: int) -> int:
        """How many more the context window takes; BadInputError where `tokens` fill it."""
        if tokens < self.window:
            return self.window - tokens
        raise BadInputError(
            f"the question takes {tokens} tokens with its image and {self._name} reads fewer than"
            f" {self.window}; ask a shorter one or show fewer images"
        )


class WholePrefixes:
    """Image and prompt are one prefix: what Google's checkpoints were trained with."""

    together = False

    def __init__(self, decoder: Decoder, words: Words, image_tokens: int) -> None:
        self._decoder, self._words = decoder, words
        self.rows = max(1, FORWARD // image_tokens)

    def read(self, prefixes: Sequence[str], features: ImageFeatures) -> tuple[Reading, int]:
        ids, attention = self._words.prefixes(prefixes, features.tower.shape[1])
        room = self._words.room(ids.shape[1])
        return self._decoder.read(ids, attention, features.tower), room

    def score(self, features: ImageFeatures, asked: Sequence[Asked]) -> Tensor:
        ((prefix, options),) = asked
        suffixes = self._words.suffixes(options)
        rows = []
        for part in parts(features, max(1, self.rows // len(options))):
            reading, _ = self.read([prefix] * part.n, part)
            self._words.room(reading.attention.shape[1] + max(map(len, suffixes)) - 1)
            rows.append(self._decoder.suffix_log_probabilities(reading, suffixes))
        return torch.cat(rows)


class IsolatedImages:
    """The image sees only itself, and its keys and values serve everything that is asked of it."""

    together = True

    def __init__(self, decoder: Decoder, words: Words, image_tokens: int, image_token: int) -> None:
        self._decoder, self._words, self._image_token = decoder, words, image_token
        self.rows = max(1, FORWARD // image_tokens)

    def read(self, prefixes: Sequence[str], features: ImageFeatures) -> tuple[Reading, int]:
        ids, attention = self._words.prefixes(prefixes, 0)
        room = self._words.room(features.tower.shape[1] + ids.shape[1])
        if not features.tower.shape[1]:  # nothing before the text: the stock masks need its kind
            return self._decoder.read(ids, attention, features.tower, causal=True), room
        reading = self._image(features).branch()
        self._decoder.extend(reading, ids, attention)
        return reading, room

    def score(self, features: ImageFeatures, asked: Sequence[Asked]) -> Tensor:
        sequences = self._sequences(asked)
        longest = max(len(prefix) + len(suffix) for prefix, suffix in sequences)
        self._words.room(features.tower.shape[1] + longest - 1)
        tree = token_tree(sequences)
        size = max(1, FORWARD // len(tree.tokens))
        images = (self._image(part) for part in parts(features, size))
        return torch.cat([self._decoder.tree_log_probabilities(image, tree) for image in images])

    def _sequences(self, asked: Sequence[Asked]) -> list[Continued]:
        ids, attention = self._words.prefixes([prefix for prefix, _ in asked], 0)
        suffixes = iter(self._words.suffixes([o for _, options in asked for o in options]))
        read = [row[real.bool()].tolist() for row, real in zip(ids, attention, strict=True)]
        return [
            Continued(prefix, next(suffixes))
            for prefix, (_, options) in zip(read, asked, strict=True)
            for _ in options
        ]

    def _image(self, features: ImageFeatures) -> Reading:
        """The image tokens as the decoder has read them, once; to branch off, not to extend."""
        if not features.tower.shape[1]:
            return self._decoder.nothing(features.n)
        if "image" not in features.kept:
            ids = torch.full(features.tower.shape[:2], self._image_token)
            reading = self._decoder.read(ids, torch.ones_like(ids), features.tower)
            features.kept["image"] = reading  # of two threads at once both make the same
        return cast(Reading, features.kept["image"])


def prefixes_for(
    decoder: Decoder, processor: PaliGemmaProcessor, name: str, soft_prompt: str = ""
) -> Prefixes:
    """The way of reading that the checkpoint's configuration names."""
    words = Words(processor, decoder, name, soft_prompt)
    tokens = processor.image_seq_length
    if has_isolated_images(decoder.model.config):
        return IsolatedImages(decoder, words, tokens, processor.image_token_id)
    return WholePrefixes(decoder, words, tokens)
