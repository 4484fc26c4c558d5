"""Write docs/benchmarks/ingest.md and its figure from the figures of bench_ingest.py."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from eval.lines import line_plot

HEAD = """# Ingest of literature

```
make bench-ingest DATA=DIR
```

The abstracts are those of SciFact's corpus (Wadden et al. 2020), written as PubMed's baseline files
are (.xml.gz, 30,000 citations each), every title numbered so that no two texts are alike, a second
copy of an abstract begun at another sentence.
"""
ALONE = "encoder alone"


def write_page(told: Mapping[str, Any], out: Path) -> None:
    parts = [HEAD]
    if "rate" in told:
        parts.append(_rate(told["rate"]))
    runs = [told[name] | {"name": name} for name in ("real", "constant") if name in told]
    if runs:
        parts.append(_kills(runs))
        (out / "ingest-memory.svg").write_text(_memory(runs))
    (out / "ingest.md").write_text("\n".join(parts))


def _rate(told: Mapping[str, Any]) -> str:
    alone = told["ways"][ALONE]
    rows = [
        f"| {way} | {told['abstracts'] / wall:.1f} | {alone[0] / wall:.1%} "
        f"| {1000 * cpu / told['abstracts']:.1f} | {alone[1] / cpu:.1%} |"
        for way, (wall, cpu) in told["ways"].items()
    ]
    return f"""## Rate

`{told["command"]}`, {told["date"]}; {told["machine"]}; {told["threads"]} thread(s) for the encoder
(minilm), load of the machine {told["load"]:.1f} (5 minutes). {told["abstracts"]:,} abstracts
({told["passages"]:,} passages with those of the warm-up) in {told["slices"]} slices, each in every
way in turn. The encoder alone gets all texts of a slice in one call, sorted by length. End to end
is from the packed file to the last vector's commit. Processor time is that of our processes and of
Postgres together.

| | abstracts a second | of the encoder's rate | processor ms an abstract | of the encoder's |
|---|---|---|---|---|
{chr(10).join(rows)}

Goal: 95% of the encoder's own rate, floor 85%. By the clock a way is at the mercy of what else the
machine does while it has its turn (see the load: two cores are fully taken at 2); processor time is
not. What reading, queue and storing take runs beside the encoder where a core is free for it.
"""


def _kills(runs: list[dict[str, Any]]) -> str:
    rows = "\n".join(
        f"| {_encoder(run['name'])} | {run['abstracts']:,} | {run['articles']:,} "
        f"| {run['pmids']:,} | {run['passages']:,} | {run['vectors']:,} | {run['embedded']:,} "
        f"| {run['waiting']} | {run['seconds'] / 60:.1f} |"
        for run in runs
    )
    memory = "\n".join(_memory_row(run) for run in runs)
    notes = "\n".join(
        f"- {_encoder(run['name'])}: `{run['command']}`, {run['date']}; {run['machine']}"
        + (f". {run['note']}" if run.get("note") else "")
        for run in runs
    )
    return f"""## Killed three times

A reader with one worker; kill -9 of {runs[0]["kills"][0]} at a fifth of the way, of
{runs[0]["kills"][1]} at 45%, of {runs[0]["kills"][2]} (all its processes) at 70%; what is killed is
started again by the same command. The constant encoder draws 384 numbers from a generator seeded by
the text's checksum, so that what grows with the library would show. PMIDs and embedded passages are
counted by id, articles and vectors by row: all is there once where they agree and nothing waits.

{notes}

| encoder | abstracts | articles | PMIDs | passages | vectors | embedded | waiting | minutes |
|---|---|---|---|---|---|---|---|---|
{rows}

Memory (resident, MB) when so many passages were embedded:

| encoder, process | first | a tenth | half | nine tenths | highest |
|---|---|---|---|---|---|
{memory}

![memory](ingest-memory.svg)
"""


def _encoder(name: str) -> str:
    return "constant" if name == "constant" else "minilm"


def _memory_row(run: Mapping[str, Any]) -> str:
    rows = []
    for at, who in ((1, "reader"), (2, "worker")):
        points = [point for point in run["points"] if point[at]]
        last = points[-1][0]
        seen = [
            next(point for point in points if point[0] >= share * last)
            for share in (0.001, 0.1, 0.5, 0.9)
        ]
        highest = max(points, key=lambda point: point[at])
        cells = " | ".join(f"{point[at]:.0f} ({point[0]:,})" for point in (*seen, highest))
        rows.append(f"| {_encoder(run['name'])}, {who} | {cells} |")
    return "\n".join(rows)


def _memory(runs: list[dict[str, Any]]) -> str:
    lines = {
        f"{who}, {_encoder(run['name'])} encoder": [
            (point[0], point[at]) for point in run["points"] if point[at]
        ]
        for run in runs
        for at, who in ((1, "reader"), (2, "worker"))
    }
    return line_plot(lines, x="passages embedded", y="MB resident", y_from=0)
