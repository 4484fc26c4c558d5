"""Write the plots and tables of docs/benchmarks/trust.md from a measurement.

    cytoscribe eval trust --data DIR --photos PHOTOS --json > trust.json
    python docs/scripts/trust_page.py trust.json [WEIGHED.json] [--before OLD.json] > tables.md

WEIGHED is what `python -m finetune.weighing --measure` wrote, OLD what an earlier version told of
whole answers. Plots go to docs/benchmarks/trust/.
"""

import json
import sys
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import click

ROOT = Path(__file__).resolve().parents[2]
sys.path[:0] = [str(ROOT)]

from eval.lines import line_plot  # noqa: E402

PLOTS = ROOT / "docs" / "benchmarks" / "trust"
BINS = 20


def histogram(probabilities: Sequence[float]) -> list[tuple[float, float]]:
    """Share of the images in each twentieth of the probability."""
    counts = Counter(min(BINS - 1, int(p * BINS)) for p in probabilities)
    return [((b + 0.5) / BINS, counts[b] / len(probabilities)) for b in range(BINS)]


def plots(told: Mapping[str, Any]) -> Mapping[str, str]:
    found, images = told["findings"], told["unknown_images"]["probability"]
    reliability = [(p, right) for p, right, _ in found["reliability"]]
    scores = {name: histogram(rows) for name, rows in images.items()}
    return {
        "coverage": line_plot(
            {"all findings": [tuple(point) for point in found["risk_coverage"]]},
            x="coverage", y="share wrong",
        ),
        "reliability": line_plot(
            {"measured": reliability, "perfect": [(p, p) for p, _ in reliability]},
            x="probability", y="share right",
        ),
        "familiarity": line_plot(scores, x="probability of a cell image", y="share of images"),
    }  # fmt: skip


def tables(told: Mapping[str, Any]) -> Iterator[str]:
    found, images = told["findings"], told["unknown_images"]
    yield "| findings | answers | wrong | wrong, surest 80% | ECE | AURC (least) |"
    yield "|---|---|---|---|---|---|"
    for name, row in {"all": found, **found["by_question"]}.items():
        yield (
            f"| {name.replace('_', ' ')} | {row['answers']:,} | {row['error']:.3f} |"
            f" {row['error_at_80_percent']:.3f} | {row['ece']:.3f} ({row['ece_ci'][0]:.3f}–"
            f"{row['ece_ci'][1]:.3f}) | {row['aurc']:.4f} ({row['aurc_least']:.4f}) |"
        )
    yield "\n| images | number | the model abstains |\n|---|---|---|"
    rows = images["refused_by_set"] | images["recognised_by_family"]
    for name, row in rows.items():
        low, high = row["ci"]
        yield f"| {name} | {row['images']} | {row['share']:.3f} ({low:.3f}–{high:.3f}) |"
    yield f"\nRefused {images['refused']:.3f}, recognised {images['recognised']:.3f},"
    yield f"AUROC {images['auroc']:.4f}."


def weighed(told: Mapping[str, Any]) -> Iterator[str]:
    measures = ("attribute_macro_f1", "fact_f1", "text_fact_f1")
    yield "\n| similar cases | attribute macro-F1 | p | fact F1 | p | of the text | p | weighed |"
    yield "|---|---|---|---|---|---|---|---|"
    for name, row in told.items():
        if not isinstance(row, Mapping):
            continue
        cells = []
        for one in (row[key] for key in measures):
            low, high = one["difference_ci"]
            change = f"{one['difference']:+.3f} ({low:+.3f} to {high:+.3f})"
            cells.append(f"{one['value']:.3f}, {change} | {one['p']:.3f}")
        yield f"| {name.replace('_', ' ')} | {' | '.join(cells)} | {row['weighed']:.2f} |"


def answers_plot(versions: Mapping[str, Mapping[str, Any]]) -> str:
    shown = {
        name: [(p, right) for p, right, _ in told["reliability"]] for name, told in versions.items()
    }
    return line_plot(
        {**shown, "perfect": [(0.0, 0.0), (1.0, 1.0)]}, x="confidence", y="share of answers right"
    )


def answers_table(versions: Mapping[str, Mapping[str, Any]]) -> Iterator[str]:
    yield "\n| whole answers | judged | wrong | wrong, surest 80% | ECE | AURC (least) |"
    yield "|---|---|---|---|---|---|"
    for version, told in versions.items():
        for what, row in {"all": told, **told["by_what"]}.items():
            low, high = row["ece_ci"]
            yield (
                f"| {what}, {version} | {row['answers']} | {row['error']:.3f} |"
                f" {row['error_at_80_percent']:.3f} | {row['ece']:.3f} ({low:.3f}–{high:.3f}) |"
                f" {row['aurc']:.4f} ({row['aurc_least']:.4f}) |"
            )


@click.command()
@click.argument("trust", type=click.Path(exists=True, path_type=Path))
@click.argument("more", nargs=-1, type=click.Path(exists=True, path_type=Path))
@click.option("--before", type=click.Path(exists=True, path_type=Path))
def main(trust: Path, more: tuple[Path, ...], before: Path | None) -> None:
    """Write the plots, and print the tables."""
    told = json.loads(trust.read_text())
    PLOTS.mkdir(exist_ok=True)
    versions = {"before": json.loads(before.read_text())["answers"]} if before else {}
    if "answers" in told:
        versions["now"] = told["answers"]
    drawn = plots(told) | ({"answers": answers_plot(versions)} if versions else {})
    for name, plot in drawn.items():
        (PLOTS / f"{name}.svg").write_text(plot, encoding="utf-8")
    print("\n".join([*tables(told), *answers_table(versions)]))
    for file in more:
        print("\n".join(weighed(json.loads(file.read_text()))))


if __name__ == "__main__":
    main()
