"""PaliGemma, the model that looks: describe, answer, score closed answers, embed.

Any PaliGemma 1 or 2 checkpoint (pt, mix, ft; Beyer et al. 2024, arXiv:2407.07726; Steiner et al.
2024, arXiv:2412.03555) under one face, `tools.protocols.VisionModel`. The vision tower runs once
an image (`look`); everything else reuses its output. It knows nothing of cells.
"""

import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import suppress

import numpy as np
import torch
from numpy.typing import NDArray
from PIL.Image import Image
from torch import Tensor
from transformers import PaliGemmaForConditionalGeneration, PaliGemmaProcessor

from agent.adapters import load_soft_prompt
from agent.calibration import ImageCalibration, load_calibration
from agent.case_rule import load_case_rule
from agent.decoding import Decoder, Reading, Step, stop_tokens
from agent.drafts import Drafts
from agent.familiarity import Judge, load_judge
from agent.loading import (
    find_checkpoint,
    load_examples,
    load_model,
    load_processor,
    load_prompts,
)
from agent.prefixes import parts, prefix_text, prefixes_for, task, together
from tools.errors import Cancelled
from tools.protocols import Asked, Generated, ImageFeatures, Vectors
from tools.weighing import CaseRule

__all__ = ["PaliGemma", "load_paligemma", "prefix_text"]


def load_paligemma(
    model: str,
    *,
    revision: str | None = None,
    adapter: str | None = None,
    device: str = "auto",
    dtype: str = "auto",
    max_new_tokens: int = 128,
    abstain: bool = True,
) -> "PaliGemma":
    """Load a checkpoint (hub id or folder) and, if given, a PEFT adapter (hub id or folder) on it.

    `abstain`: images are told apart into known and others: by their pixels, and where its folder
    says how, by what the model sees.

    Raises:
        ModelUnavailableError: missing, gated, damaged or not a PaliGemma; it says what to do.
        BadInputError: an unknown device or dtype.
    """
    base = find_checkpoint(model, revision)
    extra = find_checkpoint(adapter) if adapter else None
    weights = load_model(base, adapter=extra, device=device, dtype=dtype)
    name = f"{base.name}+{extra.name}" if extra else base.name
    return PaliGemma(
        weights,
        load_processor(base),
        name=name,
        max_new_tokens=max_new_tokens,
        examples=load_examples(base),
        better=load_prompts(extra or base),
        soft_prompt=load_soft_prompt(extra.folder) if extra else "",
        judge=load_judge((extra or base).folder) if abstain else None,
        case_rule=load_case_rule((extra or base).folder),
        calibration=load_calibration((extra or base).folder),
    )


def never() -> bool:
    """Nobody cancels."""
    return False


class PaliGemma:
    """A loaded PaliGemma; safe to call from several threads."""

    def __init__(
        self,
        model: PaliGemmaForConditionalGeneration,
        processor: PaliGemmaProcessor,
        *,
        name: str,
        max_new_tokens: int = 128,
        examples: Sequence[str] = (),
        better: Mapping[str, str] | None = None,
        soft_prompt: str = "",
        judge: Judge | None = None,
        case_rule: CaseRule | None = None,
        calibration: ImageCalibration | None = None,
    ) -> None:
        """`examples` are texts as it may write them: they make it faster, and change nothing.

        `better` are prompts to use instead of others, which it was found to answer worse;
        `soft_prompt` is the text of trained tokens that stand in front of every prompt; `judge`
        tells images of known kinds from others, `case_rule` says how similar cases weigh,
        `calibration` how often it is right.
        """
        self.name = name
        self.max_new_tokens = max_new_tokens
        self._decoder = Decoder(model)
        self._processor = processor
        self._tokenizer = processor.tokenizer
        self._judge, self.case_rule, self.calibration = judge, case_rule, calibration
        self._stop = stop_tokens(model, processor.tokenizer)
        self._prefixes = prefixes_for(self._decoder, processor, name, soft_prompt)
        # Our own checkpoints write in set forms; in half precision a check may choose other tokens.
        self._drafting = self._prefixes.together and model.dtype == torch.float32
        self._drafts, self.better = Drafts(), dict(better or {})
        for text in examples:
            self._drafts.learn(self._tokenizer(text + self._tokenizer.eos_token)["input_ids"])

    @property
    def embedding_dim(self) -> int:
        return int(self._decoder.model.config.vision_config.hidden_size)

    @property
    def context_window(self) -> int:
        """Tokens that prompt, images and answer share."""
        return self._decoder.window

    def length(self, prompt: str) -> int:
        """Tokens of a prompt's own words, without <bos> and newline."""
        return len(self._tokenizer(prefix_text(prompt, 0), add_special_tokens=False)["input_ids"])

    def look(self, images: Sequence[Image]) -> ImageFeatures:
        """One vision pass over RGB images; `tower` is (n, image tokens, width)."""
        if not images:
            raise ValueError("no image to look at")
        rows = self._prefixes.rows
        chunks = (images[start : start + rows] for start in range(0, len(images), rows))
        tower = torch.cat([self._decoder.see(self._pixels(chunk)) for chunk in chunks])
        known = self._judge(images, tower) if self._judge else None
        return ImageFeatures(tower, len(images), known)

    def no_image(self, n: int = 1) -> ImageFeatures:
        """What is asked of texts alone: n prompts that no image token stands before."""
        width = self.embedding_dim
        return ImageFeatures(torch.empty(n, 0, width, device=self._decoder.model.device), n)

    def describe(
        self, features: ImageFeatures, cancelled: Callable[[], bool] = never
    ) -> list[Generated]:
        """Free text, one per image."""
        return self.generate(features, [self._prompt(None)] * features.n, cancelled)

    def answer(
        self, features: ImageFeatures, question: str, cancelled: Callable[[], bool] = never
    ) -> list[Generated]:
        """A short answer to a question, one per image."""
        return self.generate(features, [self._prompt(question)] * features.n, cancelled)

    def answer_about(
        self,
        features: ImageFeatures,
        question: str | None,
        cancelled: Callable[[], bool] = never,
    ) -> Generated:
        """One answer (without a question, a description) about all the images, in their order."""
        reading = self._prefixes.read([self._prompt(question)], together(features))
        return self._decode(*reading, cancelled)[0]

    def generate(
        self,
        features: ImageFeatures,
        prefixes: Sequence[str],
        cancelled: Callable[[], bool] = never,
    ) -> list[Generated]:
        """Greedy text after one prompt per image, of any lengths.

        Raises:
            BadInputError: a prompt does not fit into the context window.
            Cancelled: `cancelled`, asked before every token, said so.
        """
        if len(prefixes) != features.n:
            raise ValueError(f"{len(prefixes)} prompts for {features.n} images")
        texts: list[Generated] = []
        for part in parts(features, self._prefixes.rows):
            reading = self._prefixes.read(prefixes[len(texts) : len(texts) + part.n], part)
            texts += self._decode(*reading, cancelled)
        return texts

    def stream(
        self,
        features: ImageFeatures,
        question: str | None = None,
        cancelled: Callable[[], bool] = never,
    ) -> Iterator[str]:
        """Pieces of text: a description, or the answer to `question`, about the image(s) together.

        `cancelled` is asked before every token and ends the stream. Bad input raises here, at once.
        """
        reading = self._prefixes.read([self._prompt(question)], together(features))
        return self._pieces(*reading, cancelled)

    def score(
        self, features: ImageFeatures, question: str, options: Sequence[str]
    ) -> NDArray[np.float64]:
        """Probabilities of the closed answers, (n images, n options), rows sum to 1.

        The log-probability of each option as the whole suffix (its tokens and <eos>) after the
        question's prompt, normalised over the options.
        """
        return self.score_all(features, [(question, options)])[0]

    def score_all(
        self,
        features: ImageFeatures,
        questions: Sequence[Asked],
        cancelled: Callable[[], bool] = never,
    ) -> list[NDArray[np.float64]]:
        """`score` for each question: in one pass behind isolated images, else one by one.

        Raises:
            BadInputError: a question with its answers does not fit into the context window.
            Cancelled: `cancelled`, asked before every pass, said so.
        """
        asked = [(self._prompt(question), options) for question, options in questions]
        return self.score_after(features, asked, cancelled)

    def score_after(
        self,
        features: ImageFeatures,
        asked: Sequence[Asked],
        cancelled: Callable[[], bool] = never,
    ) -> list[NDArray[np.float64]]:
        """`score_all` for whole prompts instead of questions; errors as there."""
        if not all(options for _, options in asked):
            raise ValueError("no options to score")
        groups = [asked] if self._prefixes.together else [[each] for each in asked]
        scores: list[NDArray[np.float64]] = []
        for group in filter(len, groups):
            if cancelled():
                raise Cancelled("the model was stopped before all questions were asked")
            logs = self._prefixes.score(features, group).double().cpu()
            each = torch.split(logs, [len(options) for _, options in group], 1)
            scores += [logs_of_one.softmax(-1).numpy() for logs_of_one in each]
        return scores

    def embed_image(self, features: ImageFeatures) -> Vectors:
        """Mean of the tower's tokens, L2-normalised, (n, embedding_dim), float32."""
        mean = features.tower.float().mean(1)
        vectors: Vectors = torch.nn.functional.normalize(mean, dim=-1).cpu().numpy()
        return vectors

    def _prompt(self, question: str | None) -> str:
        """The prompt of a question (none: of a description) that this checkpoint answers best."""
        usual = task(question)
        return self.better.get(usual, usual)

    def _pixels(self, images: Sequence[Image]) -> Tensor:
        rgb = [image.convert("RGB") for image in images]
        pixels: Tensor = self._processor.image_processor(
            rgb, return_tensors="pt", input_data_format="channels_last"
        )["pixel_values"]
        return pixels  # (n, 3, side, side)

    def _steps(self, reading: Reading, room: int, cancelled: Callable[[], bool]) -> Iterator[Step]:
        limit = min(self.max_new_tokens, room)
        if self._drafting and len(reading.attention) == 1:
            return self._decoder.drafted(reading, self._stop, limit, cancelled, self._drafts)
        return self._decoder.greedy(reading, self._stop, limit, cancelled)

    def _decode(
        self, reading: Reading, room: int, cancelled: Callable[[], bool]
    ) -> list[Generated]:
        read = reading.attention.sum(1).tolist()  # before what is written adds to it
        steps = list(self._steps(reading, room, cancelled))
        tokens = torch.stack([step.tokens for step in steps], 1).tolist()
        log_probabilities = torch.stack([step.log_probabilities for step in steps], 1).tolist()
        return [self._text(*row) for row in zip(tokens, log_probabilities, read, strict=True)]

    def _text(self, tokens: list[int], log_probabilities: list[float], read: int) -> Generated:
        stop = set(self._stop.tolist())
        length = next((i for i, token in enumerate(tokens, 1) if token in stop), len(tokens))
        mean = sum(log_probabilities[:length]) / length  # the end is a token it chose, too
        text = self._tokenizer.decode(tokens[:length], skip_special_tokens=True)
        return Generated(text.strip(), min(1.0, math.exp(mean)), int(read), length)

    def _pieces(self, reading: Reading, room: int, cancelled: Callable[[], bool]) -> Iterator[str]:
        tokens: list[int] = []
        text = shown = ""
        with suppress(Cancelled):
            for step in self._steps(reading, room, cancelled):
                tokens.append(int(step.tokens))
                text = self._tokenizer.decode(tokens, skip_special_tokens=True).lstrip()
                if text != shown and not text.endswith("\ufffd"):  # half a character waits
                    yield text[len(shown) :]
                    shown = text
        if text != shown:
            yield text[len(shown) :]
