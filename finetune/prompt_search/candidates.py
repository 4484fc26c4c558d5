"""Hard prompts to try: another wording, frame, list of options, or similar cases as examples.

The hand-written prompt comes first; then each single change of it; then combinations, drawn by the
seed. The texts are built by `agent.prompts`, as in serving.
"""

import random
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import chain, product

from agent import prompts


@dataclass(frozen=True)
class HardPrompt:
    """A way to put a closed question; the default is the hand-written one."""

    wording: str | None = None  # None: as the row asks
    frame: str = prompts.ANSWER
    lists: str = ""  # "listed", "reversed": names the options, in this order
    cases: int = 0  # similar cases that are shown
    nearest_last: bool = False

    def text(self, prefix: str, options: Sequence[str], labels: Sequence[str]) -> str:
        """The prompt of a row with this prefix; `labels` of similar cases, the nearest first."""
        words = prompts.question_in(prefix) if self.wording is None else self.wording
        named = {"": (), "listed": options, "reversed": options[::-1]}[self.lists]
        shown = labels[: self.cases]
        ordered = shown[::-1] if self.nearest_last else shown
        asked = prompts.among(prompts.framed(self.frame, words), named)
        return prompts.given_cases(asked, ordered)

    def as_json(self) -> dict[str, object]:
        """Its parts, by name."""
        return {
            "wording": self.wording,
            "frame": self.frame,
            "options": self.lists or None,
            "cases": self.cases,
            "order": "nearest last" if self.nearest_last else "nearest first",
        }


HAND_WRITTEN = HardPrompt()


def candidates(
    wordings: Sequence[str], cases: Sequence[int], number: int, seed: int
) -> list[HardPrompt]:
    """`number` prompts at most, the hand-written one first; `cases` as may be shown."""
    rng = random.Random(seed)
    words = rng.sample(sorted(set(wordings)), len(set(wordings)))
    single, drawn = list(_single(words, cases)), list(_combined(words, cases))
    rng.shuffle(drawn)
    return list(dict.fromkeys(chain([HAND_WRITTEN], single, drawn)))[:number]


def _single(words: Sequence[str], cases: Sequence[int]) -> Iterator[HardPrompt]:
    yield from (replace(HAND_WRITTEN, frame=frame) for frame in prompts.FRAMES)
    yield from (replace(HAND_WRITTEN, lists=lists) for lists in ("listed", "reversed"))
    for number in cases:
        for last in (False, True) if number > 1 else (False,):
            yield replace(HAND_WRITTEN, cases=number, nearest_last=last)
    yield from (replace(HAND_WRITTEN, wording=wording) for wording in words)


def _combined(words: Sequence[str], cases: Sequence[int]) -> Iterator[HardPrompt]:
    lists, orders = ("", "listed", "reversed"), (False, True)
    parts = product((None, *words), prompts.FRAMES, lists, (0, *cases), orders)
    return (HardPrompt(*part) for part in parts if part[3] > 1 or not part[4])
