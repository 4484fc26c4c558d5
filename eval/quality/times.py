"""Time to generate: seconds from the question to the whole answer, by model and machine."""

from collections.abc import Iterable, Mapping, Sequence
from typing import TypeVar

from eval.quality.figures import Quantile, quantile
from eval.quality.use import Use
from tools.evidence import Frozen

Key = TypeVar("Key")
Item = TypeVar("Item")


class Times(Frozen):
    """Seconds a turn."""

    model: str
    machine: str
    tools: tuple[str, ...]  # that the turns used
    turns: int
    p50: Quantile
    p95: Quantile
    cpu_p50: Quantile  # seconds of CPU: what the wait would be on a machine with nothing else to do
    seconds: tuple[float, ...]  # of each, the fastest first


class ToolTimes(Frozen):
    """Seconds a call of a tool, and how many of its calls failed."""

    tool: str
    machine: str
    calls: int
    failed: int
    p50: Quantile
    p95: Quantile


def times(turns: Iterable[Use]) -> tuple[Times, ...]:
    """By model, machine and the tools used: a turn that only searches is no faster description."""
    timed = [turn for turn in turns if turn.seconds is not None]
    by = grouped(((turn.model, turn.machine, _tools(turn)), turn) for turn in timed)
    return tuple(_times(key, found) for key, found in sorted(by.items()))


def _times(key: tuple[str, str, tuple[str, ...]], turns: Sequence[Use]) -> Times:
    seconds = sorted(turn.seconds for turn in turns if turn.seconds is not None)
    cpu = [turn.cpu_seconds for turn in turns if turn.cpu_seconds is not None]
    return Times(
        model=key[0], machine=key[1], tools=key[2], turns=len(turns), p50=quantile(seconds, 50),
        p95=quantile(seconds, 95), cpu_p50=quantile(cpu, 50), seconds=tuple(seconds),
    )  # fmt: skip


def tool_times(turns: Iterable[Use]) -> tuple[ToolTimes, ...]:
    """Of each tool on each machine; failed calls are counted, their time is not."""
    by = grouped(((use.tool, turn.machine), use) for turn in turns for use in turn.tools)
    return tuple(
        ToolTimes(
            tool=tool, machine=machine, calls=len(calls), failed=sum(c.failed for c in calls),
            p50=quantile(worked := [c.seconds for c in calls if not c.failed], 50),
            p95=quantile(worked, 95),
        )
        for (tool, machine), calls in sorted(by.items())
    )  # fmt: skip


def grouped(pairs: Iterable[tuple[Key, Item]]) -> Mapping[Key, Sequence[Item]]:
    """Items by key, each in its order."""
    found: dict[Key, list[Item]] = {}
    for key, item in pairs:
        found.setdefault(key, []).append(item)
    return found


def _tools(turn: Use) -> tuple[str, ...]:
    return tuple(sorted({use.tool for use in turn.tools}))
