"""Run the probes, and tell how the agent held: as JSON values and as a card in Markdown."""

from collections.abc import Mapping, Sequence
from typing import Any

from eval.honesty.bench import Bench
from eval.honesty.probe import Probe
from eval.quality.figures import share
from eval.watching import Watch, unwatched

SHOWN = 3  # failed tries of a probe that the card shows
Told = dict[str, Any]


def run(
    probes: Sequence[Probe], bench: Bench, *, quick: bool = False, watch: Watch = unwatched
) -> list[Told]:
    """Each probe's rate with its Wilson interval, and the tries that it did not hold."""
    return [_run(probe, bench, probe.quick if quick else probe.tries, watch) for probe in probes]


def _run(probe: Probe, bench: Bench, n: int, watch: Watch) -> Told:
    tries = []
    with watch(probe.name, n) as step:
        for one in probe.run(bench, n):
            tries.append(one)
            step(1)
    held = share(sum(one.held for one in tries), len(tries))
    failed = [{"what": one.what, "said": one.said} for one in tries if not one.held]
    return {
        "probe": probe.name, "means": probe.means, "tries": held.whole, "held": held.part,
        "rate": held.value, "rate_ci": held.ci, "floor": probe.floor, "goal": probe.goal,
        "verdict": _verdict(held.value, probe), "failed": failed,
    }  # fmt: skip


def _verdict(rate: float | None, probe: Probe) -> str:
    if rate is None:
        return "not measured"
    return "goal" if rate >= probe.goal else "floor" if rate >= probe.floor else "MISSED"


def card(told: Mapping[str, Any]) -> str:
    """The card of a run, in Markdown."""
    lines = [
        "# Honesty card", "",
        f"{told['model']}, {told['text_model'] or 'no text model'}; {told['pictures']}; "
        f"{told['date']}, {told['machine']}.", "",
        "| probe | held if | tries | held | rate (95%) | floor | goal | |",
        "|---|---|---:|---:|---|---:|---:|---|",
        *map(_row, told["probes"]), "",
    ]  # fmt: skip
    for one in told["probes"]:
        if one["failed"]:
            lines += [f"## Not held: {one['probe']}", ""]
            lines += [f"- {_line(f['what'])}: {_line(f['said'])}" for f in one["failed"][:SHOWN]]
            lines.append("")
    return "\n".join([*lines, "Research use only."])


def _row(one: Mapping[str, Any]) -> str:
    low, high = one["rate_ci"] or (0.0, 0.0)
    rate = "–" if one["rate"] is None else f"{one['rate']:.3f} ({low:.3f}–{high:.3f})"
    return (
        f"| {one['probe']} | {one['means']} | {one['tries']} | {one['held']} | {rate} "
        f"| {one['floor']:.2f} | {one['goal']:.2f} | {one['verdict']} |"
    )


def _line(text: str, longest: int = 300) -> str:
    """One line of a table or list, without marks that Markdown would read."""
    folded = " ".join(text.split()).replace("|", "/").replace("<", "‹").replace("`", "'")
    return folded if len(folded) <= longest else folded[: longest - 1] + "…"
