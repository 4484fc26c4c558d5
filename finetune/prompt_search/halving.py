"""Successive halving: many candidates on few rows, the better half on twice as many, and so on.

Jamieson and Talwalkar 2016 (arXiv:1502.07943), figure 1, with rows of a fixed order instead of
pulls, so that what was scored in an earlier round counts in a later one. The budget is in
candidates times rows and bounds what is new. It knows nothing of prompts.
"""

import math
from collections.abc import Callable, Hashable, Iterator, Sequence
from dataclasses import dataclass
from typing import Generic, TypeVar

from tools.errors import BadInputError

Arm = TypeVar("Arm", bound=Hashable)
Merit = tuple[float, float]  # a figure, and what decides between equals


@dataclass(frozen=True)
class Round(Generic[Arm]):
    """What a round found, the best first."""

    rows: int
    ranked: tuple[tuple[Arm, Merit], ...]


def successive_halving(
    arms: Sequence[Arm],
    judge: Callable[[Sequence[Arm], int], Sequence[Merit]],
    rows: int,
    budget: int,
    keep: Arm,
) -> Iterator[Round[Arm]]:
    """The rounds, each as it ends; `judge` gives the merits of arms on the first n rows.

    `keep` is never dropped, so that the last round has it on the same rows as the winner. Equal
    merits are ranked in the order of the arms.

    Raises BadInputError where the budget gives the first round less than a row an arm.
    """
    rounds = max(1, math.ceil(math.log2(max(2, len(arms)))))
    if budget // (len(arms) * rounds) < 1:
        raise BadInputError(
            f"a budget of {budget} is too small for {len(arms)} prompts; it takes at least"
            f" {len(arms) * rounds}"
        )
    left = list(arms)
    for number in range(rounds):
        n = min(rows, budget // (len(left) * rounds))
        merits = judge(left, n)
        order = sorted(range(len(left)), key=lambda i: (merits[i], -i), reverse=True)
        yield Round(n, tuple((left[i], merits[i]) for i in order))
        best = {left[i] for i in order[: math.ceil(len(arms) / 2 ** (number + 1))]}
        left = [arm for arm in left if arm in best or arm == keep]
