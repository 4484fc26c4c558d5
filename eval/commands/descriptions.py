"""Measure what the model says of labelled images."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import click

from agent.settings import load_settings
from eval.truth import DATASETS
from eval.watching import watch
from tools.errors import BadInputError
from tools.findings import MODALITY, STAIN

SOME_SKIPPED, STOPPED = 3, 130  # exit codes
existing_folder = click.Path(exists=True, file_okay=False, path_type=Path)
existing_file = click.Path(exists=True, dir_okay=False, path_type=Path)


@click.command()
@click.option(
    "--dataset", type=click.Choice(DATASETS), required=True, help="How the set is laid out."
)
@click.option("--root", type=existing_folder, required=True, help="Folder of the set.")
@click.option(
    "--split", type=existing_file,
    help="Only these images: a table with a column of names or paths, or one name a line. For "
    "wbcatt the attributes are taken from it, too.",
)  # fmt: skip
@click.option(
    "--map", "class_map", type=existing_file,
    help="csv of name,class for names that are not known; an empty class leaves images out.",
)  # fmt: skip
@click.option("--modality", type=click.Choice(MODALITY.options), help="Of all images, if known.")
@click.option("--stain", type=click.Choice(STAIN.options), help="Of all images, if known.")
@click.option("--limit", type=click.IntRange(min=1), help="Draw this many images.")
@click.option("--seed", default=0, show_default=True, help="Of that draw.")
@click.option("--model", help="Hub id or folder; default: the setting CYTOSCRIBE_MODEL.")
@click.option(
    "--out", type=click.Path(dir_okay=False, path_type=Path), help="Write the JSON there, too."
)
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object instead of a table.")
@click.pass_context
def descriptions(
    ctx: click.Context, /, model: str | None, out: Path | None, as_json: bool, **request: Any
) -> None:
    """Measure what the model says of labelled images: classes, attributes, facts, counts, time.

    Each figure has its 95% interval (bootstrap over images) and stands beside the same figure for
    a blank image, for the answers given to other images, and for the commonest true answer. What
    does not apply to a set is null.

    \b
    Datasets:
      wbcatt   PBC_dataset_normal_DIB/<class>/ and pbc_attr_v1_*.csv (or that csv as --split)
      classes  a folder a class; names in English, German, Spanish, French, usual codes, or --map
      voc      blood smears: Annotations/*.xml and JPEGImages
      masks    nuclei: images/ and labels/ (instance maps), or stage1_train/<id>/{images,masks}

    \b
    Exit codes:
      0    every image was measured
      1    nothing could be measured
      2    wrong usage
      3    some files were skipped; each is named on stderr, the others were measured
      130  stopped by Ctrl-C; nothing is written

    \b
    Examples:
      cytoscribe eval descriptions --dataset wbcatt --root PBC/ --split pbc_attr_v1_test.csv --json
      cytoscribe eval descriptions --dataset classes --root leukocytes/ --map names.csv
      cytoscribe eval descriptions --dataset voc --root BCCD/ --limit 100 --out smears.json
      cytoscribe eval descriptions --dataset masks --root stage1_train/ --stain "fluorescent dye"
    """
    make_room(out)
    try:
        told = _evaluate(model, request)
    except KeyboardInterrupt:
        click.echo("Stopped before all images were measured; nothing was written.", err=True)
        ctx.exit(STOPPED)
    for skipped in told["skipped_files"]:
        click.echo(f"skipped: {skipped['path']}: {skipped['reason']}", err=True)
    if out:
        out.write_text(json.dumps(told, ensure_ascii=False, indent=1) + "\n", encoding="utf-8")
    click.echo(json.dumps(told, ensure_ascii=False) if as_json else _in_words(told))
    ctx.exit(SOME_SKIPPED if told["skipped"] else 0)


def make_room(out: Path | None) -> None:
    """The folder of --out, before hours of work depend on it."""
    try:
        if out:
            out.parent.mkdir(parents=True, exist_ok=True)
    except OSError as e:
        raise BadInputError(f"--out {out} cannot be written: {e.strerror}") from e


def _evaluate(model: str | None, request: Mapping[str, Any]) -> dict[str, Any]:
    from agent.build import open_model
    from eval.evaluation import Request, evaluate
    from eval.measuring import Limits

    settings = load_settings(model=model)
    limits = Limits(settings.max_pixels, settings.max_upload_mb * 2**20, settings.min_probability)
    return evaluate(Request(**request), lambda: open_model(settings), limits, watch)


def _in_words(told: Mapping[str, Any]) -> str:
    from eval.table import in_words

    return in_words(told)
