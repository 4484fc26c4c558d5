"""The decoder of a PaliGemma, driven step by step over the stock model's forward.

A prefix (image tokens, <bos>, prompt, newline) is read once, every token seeing every other; what
follows it is causal (Beyer et al. 2024, arXiv:2407.07726, section 3). Reading the prefix with
`token_type_ids` 0 and one cache per prompt keeps those masks right in any batch. A checkpoint whose
image tokens see only the image reads these alone as its prefix, and everything else is causal.
Greedy only; it knows neither words nor pixels.
"""

import copy
import threading
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor
from transformers import DynamicCache, PaliGemmaForConditionalGeneration
from transformers.modeling_outputs import BaseModelOutputWithPooling

from agent.drafts import Drafts
from agent.token_tree import TokenTree
from tools.errors import Cancelled

STOPPED = "the model was stopped before it had finished its text"


@dataclass
class Reading:
    """Prompts that were read: keys and values, and the forecast of each one's next token."""

    cache: DynamicCache
    attention: Tensor  # (n, length), 0 on padding
    logits: Tensor  # (n, vocabulary), float32

    def branch(self) -> "Reading":
        """The same reading, to go on from: a growing cache makes new tensors, so none is copied."""
        cache = copy.copy(self.cache)
        cache.layers = [copy.copy(layer) for layer in cache.layers]
        return Reading(cache, self.attention, self.logits)

    def take_back(self, tokens: int) -> None:
        """Forget the last `tokens` of every row."""
        if tokens:
            self.cache.crop(-tokens)
            self.attention = self.attention[:, :-tokens]

    def repeated(self, times: int) -> "Reading":
        """Each row `times` times, in a cache of its own."""
        cache = self.branch().cache
        cache.batch_repeat_interleave(times)
        attention = self.attention.repeat_interleave(times, 0)
        return Reading(cache, attention, self.logits.repeat_interleave(times, 0))


@dataclass(frozen=True)
class Step:
    """One greedy step of a batch."""

    tokens: Tensor  # (n,)
    log_probabilities: Tensor  # (n,)


class Decoder:
    """Reads prefixes and extends them; one forward at a time, whichever thread asks.

    The lock is held for a forward, not for a text, so that a stalled reader of a stream stops
    nobody else.
    """

    def __init__(self, model: PaliGemmaForConditionalGeneration) -> None:
        self.model: Any = model
        self.lock = threading.Lock()

    @property
    def window(self) -> int:
        """Tokens that prompt, images and answer share."""
        return int(self.model.config.get_text_config().max_position_embeddings)

    def see(self, pixels: Tensor) -> Tensor:
        """The vision tower's output, (n, image tokens, width)."""
        with self.lock, torch.inference_mode():
            pixels = pixels.to(self.model.device, self.model.dtype)
            tower: Tensor = self.model.model.vision_tower(pixels).last_hidden_state
            return tower

    def nothing(self, rows: int) -> Reading:
        """No token read yet, in every row; to branch off."""
        none = torch.empty(rows, 0, device=self.model.device)
        return Reading(DynamicCache(config=self.model.config), none.long(), none)

    def read(self, ids: Tensor, attention: Tensor, tower: Tensor, causal: bool = False) -> Reading:
        """Read left-padded prefixes (n, length); `tower` fills their image tokens, in order.

        Every token sees every other, or only what is before it where `causal`.
        """
        cache = DynamicCache(config=self.model.config)
        with self.lock, torch.inference_mode():
            ids, attention = ids.to(self.model.device), attention.to(self.model.device)
            projected = self.model.model.multi_modal_projector(tower)
            logits = self.model(
                input_ids=ids,
                token_type_ids=torch.full_like(ids, int(causal)),  # 0, prefix: bidirectional
                mm_encoder_outputs={"image": BaseModelOutputWithPooling(pooler_output=projected)},
                logits_to_keep=1,
                **self._placed(attention, ids.shape[1], cache),
            ).logits
            return Reading(cache, attention, logits[:, -1].float())

    def extend(self, reading: Reading, tokens: Tensor, real: Tensor) -> Tensor:
        """Append `tokens` (n, k), `real` 0 where padded; logits after each, (n, k, vocabulary)."""
        with self.lock, torch.inference_mode():
            attention = torch.cat([reading.attention, real.to(reading.attention)], 1)
            placed = self._placed(attention, tokens.shape[1], reading.cache)
            logits: Tensor = self.model(input_ids=tokens, **placed).logits.float()
            reading.attention, reading.logits = attention, logits[:, -1]
            return logits

    def greedy(
        self, reading: Reading, stop: Tensor, limit: int, cancelled: Callable[[], bool]
    ) -> Iterator[Step]:
        """The likeliest token, step by step: until `stop` in every row or `limit` steps.

        Raises:
            Cancelled: `cancelled`, asked before every token, said so.
        """
        done = torch.zeros_like(reading.attention[:, 0], dtype=torch.bool)
        for left in reversed(range(limit)):
            if cancelled():
                raise Cancelled(STOPPED)
            tokens = reading.logits.argmax(-1)
            yield Step(tokens, _log_probability(reading.logits, tokens))
            done = done | torch.isin(tokens, stop)
            if done.all() or not left:
                return
            self.extend(reading, tokens[:, None], torch.ones_like(tokens[:, None]))

    def drafted(
        self,
        reading: Reading,
        stop: Tensor,
        limit: int,
        cancelled: Callable[[], bool],
        drafts: Drafts,
    ) -> Iterator[Step]:
        """`greedy` for a single row: a guess is checked in one forward, its wrong end taken back.

        The text is the same; of probabilities the last digits may differ, as a forward of several
        tokens rounds in its own way.
        """
        ends, written, guess = set(stop.tolist()), list[int](), list[int]()
        logits = reading.logits  # (1 + guess, vocabulary)
        while True:
            tokens = logits.argmax(-1)
            steps = zip(tokens[:, None], _log_probability(logits, tokens)[:, None], strict=True)
            for right, step in enumerate(steps):
                if cancelled():
                    raise Cancelled(STOPPED)
                yield Step(*step)
                written.append(int(step[0]))
                if written[-1] in ends or len(written) == limit:
                    return drafts.learn(written)
                if guess[right : right + 1] != written[-1:]:
                    break
            reading.take_back(len(guess) - right)
            guess = drafts.guess(written)[: limit - len(written) - 1]
            new = torch.tensor([[written[-1], *guess]], device=stop.device)
            logits = self.extend(reading, new, torch.ones_like(new))[0]

    def suffix_log_probabilities(
        self, reading: Reading, suffixes: Sequence[Sequence[int]]
    ) -> Tensor:
        """Log-probability of each whole suffix after each prompt, (n, suffixes), as one batch.

        Exact: no prefix token sees a suffix, so every suffix shares its prompt's cache.
        """
        n, k = len(reading.attention), len(suffixes)
        tokens, real = _right_padded(suffixes, reading.attention)  # (k, longest)
        first = reading.logits.log_softmax(-1)[:, tokens[:, 0]]  # (n, k)
        if tokens.shape[1] == 1:
            return first
        tokens, real = tokens.repeat(n, 1), real.repeat(n, 1)
        logits = self.extend(reading.repeated(k), tokens[:, :-1], real[:, :-1])
        rest = _log_probability(logits, tokens[:, 1:]) * real[:, 1:]
        return first + rest.sum(-1).view(n, k)

    def tree_log_probabilities(self, image: Reading, tree: TokenTree) -> Tensor:
        """Log-probability of each suffix of the tree behind each image, (n, suffixes), in one pass.

        `image` holds image tokens only and stays as it is.
        """
        (n, seen), nodes = image.attention.shape, len(tree.tokens)
        hidden = torch.cat([torch.zeros(nodes, seen, dtype=torch.bool), ~tree.sees], 1)
        mask = torch.zeros(hidden.shape, dtype=self.model.dtype)
        mask = mask.masked_fill(hidden, torch.finfo(mask.dtype).min)  # added to the attention
        with self.lock, torch.inference_mode():
            device = self.model.device
            logits = self.model(
                input_ids=tree.tokens.to(device).expand(n, -1),
                attention_mask=mask.to(device).expand(n, 1, -1, -1),
                position_ids=(tree.depths + seen + 1).to(device).expand(n, -1),
                past_key_values=image.branch().cache,
                use_cache=True,
                logits_to_keep=tree.asked.to(device),
            ).logits
            return tree.log_probabilities(logits.float())

    @staticmethod
    def _placed(attention: Tensor, new: int, cache: DynamicCache) -> dict[str, Any]:
        """Where the last `new` tokens stand; PaliGemma counts positions from 1, padding not."""
        positions = attention.cumsum(-1).clamp(min=1)[:, -new:]
        return {"attention_mask": attention, "position_ids": positions,
                "past_key_values": cache, "use_cache": True}  # fmt: skip


def _log_probability(logits: Tensor, tokens: Tensor) -> Tensor:
    chosen = logits.gather(-1, tokens[..., None])[..., 0]
    return chosen - logits.logsumexp(-1)


def _right_padded(suffixes: Sequence[Sequence[int]], like: Tensor) -> tuple[Tensor, Tensor]:
    longest = max(len(suffix) for suffix in suffixes)
    rows = [[*suffix, *[0] * (longest - len(suffix))] for suffix in suffixes]
    real = [[1] * len(suffix) + [0] * (longest - len(suffix)) for suffix in suffixes]
    return torch.tensor(rows, device=like.device), torch.tensor(real, device=like.device)


def stop_tokens(model: PaliGemmaForConditionalGeneration, tokenizer: Any) -> Tensor:
    """(n,) ids that end a text: the checkpoint's own, else the tokenizer's."""
    ids = model.generation_config.eos_token_id
    ids = tokenizer.eos_token_id if ids is None else ids
    return torch.tensor(ids, device=model.device).reshape(-1)
