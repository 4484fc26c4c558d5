"""Prompts scored on rows in their order: what a model answers to each, and how sure it is."""

from collections.abc import Sequence
from statistics import fmean

import numpy as np

from eval.descriptions import Metric, Pair
from finetune.closed.cases import Library, vote
from finetune.closed.looking import Blocks, Scores, Texts, cut
from finetune.closed.task import Task
from finetune.data.row import Row
from finetune.prompt_search.candidates import HardPrompt
from finetune.prompt_search.halving import Merit
from finetune.prompt_search.kept import Kept

AT_ONCE = 16  # prompts in one pass
MOST_CASES = 8  # shown in a prompt


class Scorer:
    """Rows of one side before a model; what was scored once is not scored again."""

    def __init__(
        self,
        blocks: Blocks,
        rows: Sequence[Row],
        task: Task,
        library: Library | None,
        kept: Kept,
        side: str,
        longest: int,
    ) -> None:
        """`longest`: text tokens of a prompt; a longer one is cut."""
        self._longest = longest
        self.rows, self.task, self.spent = rows, task, 0
        self._blocks, self._library, self._kept, self._side = blocks, library, kept, side
        self._cases: dict[int, list[tuple[str, ...]]] = {}

    def score(self, prompts: Sequence[HardPrompt], n: int) -> None:
        """Score the prompts on the first n rows, and what else is in their blocks."""
        for block in range(-(-n // len(self._blocks.rows(0)))):
            new = [one for one in prompts if self._get(one, block) is None]
            for start in range(0, len(new), AT_ONCE):
                self._block(new[start : start + AT_ONCE], block)

    def scores(self, prompt: HardPrompt, n: int) -> Scores:
        """Probabilities of the options, (n, options), of what was scored."""
        found, block = list[Scores](), 0
        while sum(map(len, found)) < n and (one := self._get(prompt, block)) is not None:
            found.append(one)
            block += 1
        return np.concatenate(found)[:n]

    def pairs(self, prompt: HardPrompt, n: int) -> list[Pair]:
        """What is true and what the model says, a row each."""
        field, options = self.task.field, self.task.options
        said = [options[best] for best in self.scores(prompt, n).argmax(1)]
        rows = zip(self.rows[:n], said, strict=True)
        return [({field: row.suffix}, {field: answer}) for row, answer in rows]

    def merit(self, prompt: HardPrompt, n: int, metric: Metric[Pair]) -> Merit:
        """The metric, and the mean probability of the true answers."""
        true = [self.task.options.index(row.suffix) for row in self.rows[:n]]
        probability = self.scores(prompt, n)[np.arange(n), true].mean()
        return metric(self.pairs(prompt, n)), float(probability)

    def vote_accuracy(self, prompt: HardPrompt) -> float | None:
        """How often the commonest label of the prompt's cases is right, without the model."""
        if not prompt.cases:
            return None
        each = [labels for block in range(len(self._blocks)) for labels in self._labels(block)]
        said = [vote(labels[: prompt.cases]) for labels in each]
        return fmean(row.suffix == answer for row, answer in zip(self.rows, said, strict=True))

    def _get(self, prompt: HardPrompt, block: int) -> Scores | None:
        return self._kept.get(self._side, repr(prompt), block)

    def _block(self, prompts: Sequence[HardPrompt], block: int) -> None:
        texts = [self._texts(prompt, block) for prompt in prompts]
        each = self._blocks.score(block, texts, self.task.options)
        for prompt, scores in zip(prompts, each, strict=True):
            self._kept.put(self._side, repr(prompt), block, scores)
            self.spent += len(scores)

    def _texts(self, prompt: HardPrompt, block: int) -> Texts:
        rows = [self.rows[i] for i in self._blocks.rows(block)]
        labels = self._labels(block) if prompt.cases else [()] * len(rows)
        texts = (
            prompt.text(row.prefix, self.task.options, cases)
            for row, cases in zip(rows, labels, strict=True)
        )
        return [cut(self._blocks.model, text, self._longest) for text in texts]

    def _labels(self, block: int) -> Sequence[tuple[str, ...]]:
        if self._library is None:
            raise ValueError("similar cases are asked for, and there is no library of them")
        if block not in self._cases:
            vectors = self._blocks.model.embed_image(self._blocks.features(block))
            self._cases[block] = self._library.nearest(vectors, MOST_CASES)
        return self._cases[block]
