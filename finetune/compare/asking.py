"""The test side before a model: closed answers, counts and texts, beside those of a blank image.

Answers to closed questions are the likeliest options; counts and texts are generated. Of texts
alone the blank is a prompt without words: what the model answers when it is asked nothing.
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import NamedTuple

from agent import prompts
from agent.paligemma import PaliGemma
from finetune.closed.cases import Library
from finetune.closed.drawing import Item
from finetune.closed.looking import BLOCK, blank, cut, look, score
from finetune.closed.task import Task
from finetune.compare.config import COUNT, Compared
from finetune.data.row import Row
from finetune.prompt_search.candidates import HAND_WRITTEN, HardPrompt
from tools.protocols import ImageFeatures


@dataclass
class Answered:
    """A test image (or text) with what is true, and what was said of it and of a blank."""

    name: str
    truth: dict[str, str] = field(default_factory=dict)
    said: dict[str, str] = field(default_factory=dict)
    blank: dict[str, str] = field(default_factory=dict)
    reference: str | None = None
    text: str | None = None
    blank_text: str | None = None


class Block(NamedTuple):
    """Items that are asked about together."""

    items: Sequence[Item]
    seen: ImageFeatures
    told: list[Answered]


@dataclass(frozen=True, eq=False)
class Asker:
    """A model, and what it is asked with which prompts."""

    model: PaliGemma
    tasks: Sequence[Task]
    data: Compared
    longest: int
    prompt: HardPrompt = HAND_WRITTEN  # of the first task
    library: Library | None = None
    _nothing: dict[tuple[str, str], str] = field(default_factory=dict)  # field, prompt: of a blank

    def ask(
        self, items: Sequence[Item], done: Callable[[int], None] = lambda _: None
    ) -> list[Answered]:
        """Every item, in order; `done` gets how many more are through."""
        answered: list[Answered] = []
        for start in range(0, len(items), BLOCK):
            part = items[start : start + BLOCK]
            answered += self._block(part)
            done(len(part))
        return answered

    def free(self, row: Row) -> bool:
        """Whether a row is answered in free words."""
        if self.data.text == "*":
            return not set(self.data.fields) & set(row.truth)
        return row.prefix == self.data.text

    def _block(self, items: Sequence[Item]) -> list[Answered]:
        seen = look(self.model, [item[0].image for item in items])
        told = [Answered(item[0].name) for item in items]
        block = Block(items, seen, told)
        self._closed(block)
        for name in (name for name in self.data.fields if name.startswith(COUNT)):
            for one, row, said, nothing in self._write(block, partial(_asks, name)):
                one.truth[name], one.said[name], one.blank[name] = row.suffix, said, nothing
        for one, row, said, nothing in self._write(block, self.free):
            one.reference, one.text, one.blank_text = row.suffix, said, nothing
        return told

    def _closed(self, block: Block) -> None:
        """All closed questions of the block at once."""
        rows = {t: [t.row(item) for item in block.items] for t in self.tasks}
        asked = {t: self._prompts(t, found, block) for t, found in rows.items() if any(found)}
        scores = score(self.model, block.seen, [(texts, t.options) for t, texts in asked.items()])
        for (task, texts), of_task in zip(asked.items(), scores, strict=True):
            for i, row in enumerate(rows[task]):
                if row is not None:
                    one, best = block.told[i], int(of_task[i].argmax())
                    one.truth[task.field], one.said[task.field] = row.suffix, task.options[best]
                    one.blank[task.field] = self._of_nothing(texts[i], block.seen, task)

    def _prompts(self, task: Task, rows: Sequence[Row | None], block: Block) -> list[str]:
        """A prompt for each item; those that do not ask get that of one that does, and no word."""
        prompt = self.prompt if task == self.tasks[0] else HAND_WRITTEN
        labels: list[tuple[str, ...]] = [()] * len(rows)
        if prompt.cases and self.library:
            labels = self.library.nearest(self.model.embed_image(block.seen), prompt.cases)
        some = next(row for row in rows if row is not None)
        texts = (
            prompt.text((row or some).prefix, task.options, cases)
            for row, cases in zip(rows, labels, strict=True)
        )
        return [cut(self.model, text, self.longest) for text in texts]

    def _of_nothing(self, prompt: str, like: ImageFeatures, task: Task | None = None) -> str:
        """What is answered (without a task: written) to a prompt without an image."""
        if not like.tower.shape[1]:
            prompt = prompts.framed(prompts.ANSWER, "").strip()
        key = task.field if task else "", prompt
        if key not in self._nothing:
            empty = blank(self.model) if like.tower.shape[1] else self.model.no_image()
            if task is None:
                self._nothing[key] = self.model.generate(empty, [prompt])[0].text
            else:
                (scores,) = self.model.score_after(empty, [(prompt, task.options)])
                self._nothing[key] = task.options[int(scores[0].argmax())]
        return self._nothing[key]

    def _write(
        self, block: Block, wanted: Callable[[Row], bool]
    ) -> Iterator[tuple[Answered, Row, str, str]]:
        """Of each item with a wanted row: its text, and the text of a blank."""
        rows = [next(filter(wanted, item), None) for item in block.items]
        asking = [row for row in rows if row is not None]
        if not asking:
            return
        texts = [cut(self.model, (row or asking[0]).prefix, self.longest) for row in rows]
        said = self.model.generate(block.seen, texts)
        for one, row, text, words in zip(block.told, rows, texts, said, strict=True):
            if row is not None:
                yield one, row, words.text, self._of_nothing(text, block.seen)


def _asks(field: str, row: Row) -> bool:
    return field in row.truth
