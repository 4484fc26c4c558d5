"""Measure how far answers can be trusted."""

import json
from collections.abc import Iterator, Mapping
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from agent.settings import Settings, load_settings
from eval.truth import DATASETS, Dataset
from eval.watching import watch
from tools.errors import BadInputError
from tools.findings import MODALITY, STAIN

if TYPE_CHECKING:
    from eval.evaluation import Request

existing_folder = click.Path(exists=True, file_okay=False, path_type=Path)
existing_file = click.Path(exists=True, dir_okay=False, path_type=Path)
LISTS = Path(__file__).parents[1] / "data" / "held_out"
# Folder below --data: layout, and modality and stain where the layout does not tell them.
SETS: Mapping[str, tuple[Dataset, tuple[str | None, str | None]]] = {
    "pbc_wbcatt": ("wbcatt", (None, None)),
    "bccd": ("voc", (None, None)),
    "nuclei_dsb2018": ("masks", (None, None)),
    "histology/crc_val_he_7k": ("classes", ("stained histology", "hematoxylin and eosin")),
}


@click.command()
@click.option("--data", type=existing_folder, help="Folder of the sets that were trained on.")
@click.option("--dataset", type=click.Choice(DATASETS), help="How a set of your own is laid out.")
@click.option("--root", type=existing_folder, help="Folder of that set.")
@click.option("--split", type=existing_file, help="Only these images of it, as a table or a list.")
@click.option("--modality", type=click.Choice(MODALITY.options), help="Of all of them, if known.")
@click.option("--stain", type=click.Choice(STAIN.options), help="Of all of them, if known.")
@click.option("--limit", type=click.IntRange(min=1), help="Draw this many images of each set.")
@click.option("--photos", type=existing_folder, help="Photographs that show no cells.")
@click.option(
    "--strangers", default=100, show_default=True, type=click.IntRange(0),
    help="Images without cells to draw, of each family.",
)  # fmt: skip
@click.option(
    "--answers", default=0, show_default=True, type=click.IntRange(0),
    help="Also ask whole questions about this many images of the first set.",
)  # fmt: skip
@click.option("--pubmedqa", type=existing_file, help="ori_pqal.json: questions for --answers.")
@click.option("--ids", type=existing_file, help="test_ground_truth.json: those to ask.")
@click.option("--seed", default=0, show_default=True, help="Of these drawings.")
@click.option("--model", help="Hub id or folder; default: the setting CYTOSCRIBE_MODEL.")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object instead of a table.")
def trust(
    data: Path | None, photos: Path | None, strangers: int, seed: int, answers: int,
    pubmedqa: Path | None, ids: Path | None, model: str | None, as_json: bool, **own: Any,
) -> None:  # fmt: skip
    """Measure trust: calibration, risk by coverage, and images that show no cells.

    Findings: expected calibration error, the error of all answers and of the surest 80%, the area
    under the curve of risk and coverage. Images: the share of known ones that is refused, and the
    share of blanks, noise, text, charts (where Matplotlib is installed) and photographs for which
    the model abstains. --data measures the held-out side of the sets below it. --answers asks whole
    questions in a library of its own: how sure the answers are, and how right.

    \b
    Examples:
      cytoscribe eval trust --data DIR --json
      cytoscribe eval trust --data DIR --limit 50 --photos holidays/
      cytoscribe eval trust --data DIR --answers 150 --pubmedqa ori_pqal.json \\
        --ids test_ground_truth.json
      cytoscribe eval trust --dataset classes --root leukocytes/
    """
    from agent.build import open_model
    from eval.measuring import Limits
    from eval.trust.run import trust as measured

    if answers and not (pubmedqa and ids):
        raise click.UsageError("--answers needs --pubmedqa and --ids, the questions to ask")
    requests = dict(_requests(data, own))
    settings = load_settings(model=model)
    limits = Limits(settings.max_pixels, settings.max_upload_mb * 2**20, settings.min_probability)
    told = measured(
        requests, open_model(settings), limits, each=strangers, photos=photos, seed=seed,
        watch=watch,
    )  # fmt: skip
    if answers and pubmedqa and ids:
        told["answers"] = _answers(settings, next(iter(requests.values())), answers, pubmedqa, ids)
    click.echo(json.dumps(told, ensure_ascii=False) if as_json else in_words(told))


def _answers(
    settings: Settings, request: "Request", number: int, pubmedqa: Path, ids: Path
) -> dict[str, Any]:
    """Whole answers on images of the set, one library for all."""
    from eval.trust.answers import answers, figures

    own = settings.model_copy(update={"starter_library": False})
    return figures(answers(own, replace(request, limit=number), pubmedqa, ids, watch))


def _requests(data: Path | None, own: Mapping[str, Any]) -> "Iterator[tuple[str, Request]]":
    from eval.evaluation import Request

    if bool(data) == bool(own["root"]):
        raise BadInputError("name either --data, or --dataset and --root of a set of your own")
    if own["root"]:
        if not own["dataset"]:
            raise BadInputError("--root needs --dataset, which says how the set is laid out")
        yield own["root"].name, Request(**own)
        return
    for folder, (layout, stated) in SETS.items():
        if data and (root := data / folder).is_dir():
            listed = LISTS / f"{root.name}.test.csv"
            request = Request(layout, root, listed, None, *stated, limit=own["limit"])
            yield root.name, request


def in_words(told: Mapping[str, Any]) -> str:
    """A line a figure."""
    found = told["findings"]
    lines = [
        f"{told['images']:,} images, {found['answers']:,} findings, by {told['model']}",
        f"{'calibration error':28}{_with_interval(found['ece'], found['ece_ci'])}",
        f"{'wrong':28}{found['error']:.3f}",
        f"{'wrong, surest 80%':28}{found['error_at_80_percent']:.3f}",
        f"{'area under risk-coverage':28}{found['aurc']:.4f} (least {found['aurc_least']:.4f})",
        *_unknown(told["unknown_images"]),
        *_whole(told.get("answers")),
    ]
    return "\n".join([*lines, "Research use only."])


def _unknown(told: Mapping[str, Any]) -> Iterator[str]:
    if not told["checked"]:
        yield "images of no known kind     not checked: the model has no detector of them"
        return
    rows = {f"refused, {name}": row for name, row in told["refused_by_set"].items()}
    rows |= {f"abstains, {name}": row for name, row in told["recognised_by_family"].items()}
    for name, row in rows.items():
        yield f"{name:28}{_with_interval(row['share'], row['ci'])} of {row['images']:,}"


def _whole(told: Mapping[str, Any] | None) -> Iterator[str]:
    if told is None:
        return
    yield f"{told['asked']} whole questions, {told['claim_nothing']} answers claim nothing known"
    if "ece" not in told:
        yield "confidence of answers       not calibrated for this model"
        return
    yield f"{'confidence, error of it':28}{_with_interval(told['ece'], told['ece_ci'])}"
    yield f"{'wrong answers':28}{told['error']:.3f}"
    yield f"{'wrong, surest 80%':28}{told['error_at_80_percent']:.3f}"


def _with_interval(value: float, ends: list[float]) -> str:
    return f"{value:.3f} ({ends[0]:.3f} to {ends[1]:.3f})"
