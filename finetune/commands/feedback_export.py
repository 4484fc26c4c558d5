"""Make a training set of what reviewers agree on."""

import json
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING

import click

from agent.settings import Settings, load_settings
from eval.watching import watch

if TYPE_CHECKING:
    from finetune.feedback.export import Exported
    from tools.images import ImageFolder

SOME_MISSING = 3  # exit code


@click.command()
@click.argument("out", metavar="DIR", type=click.Path(file_okay=False, path_type=Path))
@click.option("--json", "as_json", is_flag=True, help="Print the numbers as one JSON object.")
@click.pass_context
def export(ctx: click.Context, out: Path, as_json: bool) -> None:
    """Make a training set of what reviewers agree on.

    Writes train.jsonl, validation.jsonl and test.jsonl (image, prefix, suffix, truth, every vote),
    images/, conflicts.jsonl with what is not settled, and a dataset card. An earlier export in DIR
    is replaced at the end, in one move; any other folder with something in it is left alone.

    \b
    Exit codes: 0 all is written; 1 there is nothing to write; 3 images were missing, see --json.

    \b
    Examples:
      cytoscribe feedback export reviewed/
      cytoscribe data check reviewed/ --format feedback
      cytoscribe finetune --from feedback:reviewed/ --out runs/corrected
    """
    written = export_from(load_settings(), out)
    for image_id in written.missing:
        click.echo(f"left out: {image_id}: its file is gone or damaged", err=True)
    click.echo(json.dumps(asdict(written)) if as_json else in_words(written, out))
    ctx.exit(SOME_MISSING if written.missing else 0)


def export_from(settings: Settings, out: Path) -> "Exported":
    """Export the corrections of the settings' database; a bar on stderr tells how far it is."""
    from agent.build import open_store
    from finetune.feedback.export import export, images_in

    images = uploads(settings)
    with open_store(settings) as store:
        corrections = store.reviews()
    with watch("Writing images", images_in(corrections)) as step:
        return export(corrections, lambda image_id: images.open(image_id).pixels, out, step)


def uploads(settings: Settings) -> "ImageFolder":
    """The images that users asked about."""
    from tools.images import ImageFolder

    return ImageFolder(
        settings.data_folder() / "images",
        max_pixels=settings.max_pixels,
        max_bytes=settings.max_upload_mb * 2**20,
    )


def in_words(written: "Exported", out: Path) -> str:
    return (
        f"{out}: {written.rows:,} rows about {written.images:,} images ({written.train:,} to train"
        f" on, {written.dev:,} to develop, {written.test:,} to test), from"
        f" {written.corrections:,} corrections by {written.reviewers:,} reviewer(s);"
        f" {written.conflicts:,} in conflict (conflicts.jsonl)"
    )
