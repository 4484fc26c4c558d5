"""Table and plot of `bench_retrieval.py`, from what it wrote as JSON."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

OURS, PEER = "Cytoscribe", "LlamaIndex PGVectorStore"
HEAD = "| search | who | p50 ms | p95 ms | CPU ms, client + server | recall@10 |"


def page(result: Mapping[str, Any]) -> str:
    """The Markdown page."""
    load = ", ".join(f"{one:.1f}" for one in result["load"])
    return f"""# Speed of the search, beside its peers

    {result["command"]}

{result["day"]}; {result["machine"]}; load of the machine at the start {load} (1, 5, 15 minutes);
one client, {result["queries"]} queries each, in turns of 50; Postgres embedded, with
shared_buffers of 2 GB, so that both its users' tables fit.

{result["passages"]:,} passages of about 180 words, made distinct by mixing sentences of the
corpus' abstracts; the queries are those of its `queries.jsonl`. Vectors of 384 numbers by latent
semantic analysis, a stated constant-cost encoder: a neural one would take an hour. Encoding the
query is in none of the times. HNSW has m 16 and ef_construction 128 everywhere; ef is 64 for 10
neighbours and 200 for 100. Recall is against comparing all vectors. "dense" ends with the texts of
what was found, "ids alone" without.

![Time of a query](speed.svg)

{HEAD}
|---|---|---|---|---|---|
{_lines(result["runs"])}

{_ratios(result["runs"])}

PGVectorStore searches words by `ts_rank` and returns both lists one after the other; ours ranks by
BM25 and fuses both. hnswlib and bm25s hold everything in this process' memory and have no server.

## Loading and indexing

Seconds: {_took(result["took"])}. PGVectorStore's rows were written by SQL.

Sizes: {_sizes(result["bytes"])}.

{_scaled(result["scaled"])}"""


def _lines(runs: Sequence[Mapping[str, Any]]) -> str:
    order = sorted(runs, key=lambda one: (_order(one["run"]), one["contender"]))
    return "\n".join(
        f"| {one['run']} | {one['contender']} | {one['p50']:.2f} | {one['p95']:.2f} | "
        f"{one['client']:.2f} + {one['server']:.2f} | "
        f"{'' if one['recall'] is None else format(one['recall'], '.3f')} |"
        for one in order
    )


def _order(run: str) -> tuple[int, str]:
    kinds = (
        "ids alone, k 10",
        "ids alone, k 100",
        "dense, k 10",
        "dense, k 100",
        "dense, k 10, 1%",
        "dense, k 10, 20%",
        "words",
    )
    return next((n for n, kind in enumerate(kinds) if run == kind), len(kinds)), run


def _ratios(runs: Sequence[Mapping[str, Any]]) -> str:
    known = {(one["contender"], one["run"]): one for one in runs}
    told = []
    for run in ("dense, k 10", "dense, k 100", "hybrid, depth 100"):
        own, other = known[OURS, run], known[PEER, run]
        told.append(f"{run} {other['p50'] / own['p50']:.1f} (p95 {other['p95'] / own['p95']:.1f})")
    own, other = known[OURS, "ids alone, k 10"], known["hnswlib", "ids alone, k 10"]
    cpu = (own["client"] + own["server"]) / other["client"]
    return (
        f"Times as fast as PGVectorStore at equal depth (p50): {'; '.join(told)}.\n"
        f"CPU of a vector query against hnswlib, both by ids at ef 64: {cpu:.1f} times."
    )


def _took(took: Mapping[str, Mapping[str, float]]) -> str:
    return "; ".join(
        f"{who}: " + ", ".join(f"{step} {seconds:.0f}" for step, seconds in steps.items())
        for who, steps in took.items()
    )


def _sizes(sizes: Mapping[str, int]) -> str:
    return ", ".join(f"{name} {size / 1e6:,.0f} MB" for name, size in sizes.items())


def _scaled(found: Sequence[Mapping[str, Any]]) -> str:
    if not found:
        return ""
    lines = "\n".join(
        f"| {one['name']} | {one['build_seconds']:.0f} | {one['megabytes']:,.0f} | "
        f"{one['recall']:.3f} | {one['p50']:.2f} | {one['p95']:.2f} | "
        f"{one['client']:.2f} + {one['server']:.2f} |"
        for one in found
    )
    return f"""## {found[0]["vectors"]:,} synthetic vectors

Of 384 numbers, in 32 directions around 5,000 centres, with noise; 10 neighbours, ef 64, for one
bit a number 200.

| index | build s | MB | recall@10 | p50 ms | p95 ms | CPU ms, client + server |
|---|---|---|---|---|---|---|
{lines}
"""


def picture(result: Mapping[str, Any], path: Path) -> None:
    """Median and 95th percentile of each run, on a logarithmic axis."""
    import matplotlib

    matplotlib.use("svg")
    from matplotlib import pyplot

    runs = sorted(
        result["runs"], key=lambda one: (_order(one["run"]), one["contender"]), reverse=True
    )
    colours = dict(
        zip(
            (OURS, PEER, "hnswlib", "bm25s"),
            ("#0b7a75", "#c1440e", "#5b4b8a", "#8a6d0b"),
            strict=True,
        )
    )
    matplotlib.rcParams.update({"svg.hashsalt": "speed", "svg.fonttype": "none", "font.size": 8})
    figure, axes = pyplot.subplots(figsize=(7.6, 0.27 * len(runs) + 0.9), layout="constrained")
    for height, one in enumerate(runs):
        axes.plot([one["p50"], one["p95"]], [height] * 2, color=colours[one["contender"]], lw=2)
        axes.plot(one["p50"], height, "o", color=colours[one["contender"]])
    axes.set_yticks(range(len(runs)), [f"{one['run']}: {one['contender']}" for one in runs])
    axes.set_xscale("log")
    axes.set_xlabel("milliseconds a query: median (dot) to 95th percentile")
    axes.grid(axis="x", alpha=0.3)
    figure.savefig(path, metadata={"Date": None})
