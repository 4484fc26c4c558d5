"""Find the best prompt on the development side, and say once what it is worth on the test side.

The figures of the development side flatter the winner, which was chosen by them; the test side is
asked only of the hand-written prompt, the winner and, where that shows similar cases (which serving
does not put into a prompt yet), the best that shows none.
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Literal

from agent.paligemma import PaliGemma
from eval import descriptions as metrics
from eval.descriptions import Estimate, Metric, Pair, estimate
from eval.differences import difference, mcnemar
from finetune.closed.cases import library_of
from finetune.closed.drawing import Sides
from finetune.closed.looking import Blocks, images_of
from finetune.closed.task import Task
from finetune.prompt_search.candidates import HAND_WRITTEN, HardPrompt
from finetune.prompt_search.halving import Merit, Round, successive_halving
from finetune.prompt_search.kept import Kept
from finetune.prompt_search.scoring import Scorer
from tools.errors import BadInputError

Figure = Literal["accuracy", "macro_f1"]
Say = Callable[[str], None]


@dataclass(frozen=True)
class Tested:
    """A prompt on the test side, beside the hand-written one on the same rows."""

    prompt: HardPrompt | None  # None: a soft prompt in front of the hand-written one
    dev: Estimate | None  # None: trained on it
    test: Estimate
    gain: Estimate  # over the hand-written prompt, paired
    p: float  # McNemar's, that both are right equally often
    votes: float | None  # accuracy of the commonest label of its cases, without the model


@dataclass(frozen=True)
class Found:
    """The rounds, and what was tested: the hand-written prompt first, the winner second."""

    rounds: tuple[Round[HardPrompt], ...]
    tested: tuple[Tested, ...]
    spent: int  # candidates times rows on the development side
    stopped: bool = False
    hand_written: tuple[Pair, ...] = ()  # what that prompt made the model say on the test side

    @property
    def best(self) -> Tested | None:
        return self.tested[1] if len(self.tested) > 1 else None


def metric_of(figure: Figure, field: str) -> Metric[Pair]:
    """The metric that prompts are judged by."""
    return metrics.accuracy(field) if figure == "accuracy" else metrics.macro_f1((field,))


class Search:
    """One search: a model, a task on frozen sides, and where scores are kept."""

    def __init__(
        self,
        model: PaliGemma,
        sides: Sides,
        task: Task,
        metric: Metric[Pair],
        kept: Kept,
        longest: int = 512,
    ) -> None:
        """`longest`: text tokens of a prompt; a longer one is cut."""
        self.task, self.metric, self._model, self._kept = task, metric, model, kept
        self._longest = longest
        self.train, self.dev, self.test = map(task.rows, (sides.train, sides.dev, sides.test))
        if not self.dev or not self.test:
            raise BadInputError(
                f"{len(self.dev)} development and {len(self.test)} test rows ask for"
                f" {task.field!r}; there must be some of each"
            )

    def go(self, prompts: Sequence[HardPrompt], budget: int, say: Say) -> Found:
        """Halve, then test. Ctrl-C ends the search with what was found until then."""
        rounds = list[Round[HardPrompt]]()
        dev, test = self._scorers(any(prompt.cases for prompt in prompts), say)
        try:
            rounds.extend(self._rounds(dev, prompts, budget, say))
            tested = self._tested(dev, test, rounds, say)
        except KeyboardInterrupt:
            return Found(tuple(rounds), (), dev.spent, stopped=True)
        hand = tuple(test.pairs(HAND_WRITTEN, len(self.test)))
        return Found(tuple(rounds), tested, dev.spent, hand_written=hand)

    def choose(self, prompts: Sequence[HardPrompt], budget: int, say: Say) -> HardPrompt:
        """The best on the development side; the test side is not asked."""
        dev, _ = self._scorers(any(prompt.cases for prompt in prompts), say)
        *_, last = self._rounds(dev, prompts, budget, say)
        return last.ranked[0][0]

    def _scorers(self, cases: bool, say: Say) -> tuple[Scorer, Scorer]:
        library = None
        if cases:
            say(f"Looking at {len(self.train)} training images, to show as similar cases")
            library = library_of(self._model, self.train)
        sides = {"dev": self.dev, "test": self.test}
        dev, test = (
            Scorer(
                Blocks(self._model, images_of(rows)),
                rows,
                self.task,
                library,
                self._kept,
                side,
                self._longest,
            )
            for side, rows in sides.items()
        )
        return dev, test

    def _rounds(
        self, dev: Scorer, prompts: Sequence[HardPrompt], budget: int, say: Say
    ) -> Iterator[Round[HardPrompt]]:
        def judge(arms: Sequence[HardPrompt], n: int) -> list[Merit]:
            say(f"{len(arms)} prompts on {n} of {len(self.dev)} development rows")
            dev.score(arms, n)
            return [dev.merit(arm, n, self.metric) for arm in arms]

        return successive_halving(prompts, judge, len(self.dev), budget, HAND_WRITTEN)

    def _tested(
        self, dev: Scorer, test: Scorer, rounds: Sequence[Round[HardPrompt]], say: Say
    ) -> tuple[Tested, ...]:
        ranked = [prompt for one in rounds[::-1] for prompt, _ in one.ranked]
        plain = next(prompt for prompt in ranked if not prompt.cases)
        chosen = list(dict.fromkeys((HAND_WRITTEN, ranked[0], plain)))
        say(f"{len(chosen)} prompts on {len(self.test)} test rows")
        dev.score(chosen, len(self.dev))
        test.score(chosen, len(self.test))
        return tuple(self._one(prompt, dev, test) for prompt in chosen)

    def _one(self, prompt: HardPrompt, dev: Scorer, test: Scorer) -> Tested:
        ours, hand = (test.pairs(one, len(self.test)) for one in (prompt, HAND_WRITTEN))
        on_dev = estimate(self.metric, dev.pairs(prompt, len(self.dev)))
        return tested(prompt, on_dev, self.metric, ours, hand, test.vote_accuracy(prompt))


def tested(
    prompt: HardPrompt | None,
    dev: Estimate | None,
    metric: Metric[Pair],
    ours: Sequence[Pair],
    hand: Sequence[Pair],
    votes: float | None = None,
) -> Tested:
    """What was said on the test side, beside what the hand-written prompt said."""
    right = [[truth == said for truth, said in pairs] for pairs in (ours, hand)]
    gain = difference(metric, ours, hand)
    return Tested(prompt, dev, estimate(metric, ours), gain, mcnemar(*right), votes)
