"""List the images whose review would teach the model most."""

import json
from collections.abc import Callable, Iterator, Mapping
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from agent.settings import Settings, load_settings
from eval.watching import watch
from finetune.commands.feedback_export import uploads

if TYPE_CHECKING:
    from PIL.Image import Image

    from finetune.feedback.candidates import Candidate
    from tools.images import OpenedImage
    from tools.store import Store

BATCH = 16
Openers = Mapping[str, Callable[[], "Image"]]  # by image id or path


@click.command("next")
@click.argument("folder", required=False,
                type=click.Path(exists=True, file_okay=False, path_type=Path))  # fmt: skip
@click.option("-n", "--number", type=click.IntRange(min=1), default=20, show_default=True,
              help="Images to list.")  # fmt: skip
@click.option("--json", "as_json", is_flag=True, help="Print one JSON list.")
def next_images(folder: Path | None, number: int, as_json: bool) -> None:
    """List the images whose review would teach the model most.

    Of those that were asked about and never reviewed, or of the images in FOLDER. First come
    images that the model is unsure of (entropy of its answers), that similar labelled cases
    contradict, and that are unlike those listed before them. The image of a session is reviewed at
    its address, /?session=…

    \b
    Examples:
      cytoscribe feedback next
      cytoscribe feedback next slides/ -n 50 --json
    """
    from agent.build import open_model, open_store
    from finetune.feedback.acquisition import most_teaching

    settings = load_settings()
    with open_store(settings) as store:
        asked = store.unreviewed() if folder is None else {}
        openers = _files(folder, settings) if folder else _uploads(asked, settings)
        found = dict(_looked_at(openers, open_model(settings), store, settings)) if openers else {}
    names = list(found)
    order = most_teaching(
        [one.doubt.score for one in found.values()], [one.vector for one in found.values()], number
    )
    listed = [_told(names[i], asked.get(names[i]), found[names[i]]) for i in order]
    click.echo(json.dumps(listed) if as_json else _in_words(listed))


def _uploads(asked: Mapping[str, str], settings: Settings) -> Openers:
    images = uploads(settings)
    return {image_id: partial(_pixels, images.open, image_id) for image_id in asked}


def _files(folder: Path, settings: Settings) -> Openers:
    from tools.images import SUFFIXES, open_image

    read = partial(
        open_image, max_pixels=settings.max_pixels, max_bytes=settings.max_upload_mb * 2**20
    )
    paths = sorted(p for p in folder.rglob("*") if p.suffix.lower() in SUFFIXES)
    return {str(path): partial(_pixels, read, path) for path in paths}


def _pixels(read: "Callable[[Any], OpenedImage]", what: str | Path) -> "Image":
    return read(what).pixels


def _looked_at(
    openers: Openers, model: Any, store: "Store", settings: Settings
) -> "Iterator[tuple[str, Candidate]]":
    """Every image that can be opened; the others are named on stderr."""
    from finetune.feedback.candidates import candidates

    def similar(vector: Any) -> Any:
        return store.similar_images(model.name, vector, settings.similar_cases)

    with watch("Looking at images", len(openers)) as step:
        names = list(openers)
        for start in range(0, len(names), BATCH):
            batch = names[start : start + BATCH]
            opened = dict(_opened(batch, openers))
            if opened:
                yield from zip(
                    opened, candidates(model, list(opened.values()), similar), strict=True
                )
            step(len(batch))


def _opened(names: list[str], openers: Openers) -> "Iterator[tuple[str, Image]]":
    from tools.errors import BadImageError

    for name in names:
        try:
            yield name, openers[name]()
        except BadImageError as error:
            click.echo(f"left out: {name}: {error}", err=True)


def _told(name: str, session: str | None, one: "Candidate") -> dict[str, Any]:
    """Keys are only ever added, never renamed."""
    return {
        "image": name,
        "session": session,
        "question": one.question,
        "answer": one.doubt.answer,
        "score": round(one.doubt.score, 4),
        "entropy": round(one.doubt.entropy, 4),
        "margin": round(one.doubt.margin, 4),
        "neighbour_disagreement": one.doubt.disagreement,
    }


def _in_words(listed: list[dict[str, Any]]) -> str:
    if not listed:
        return "Nothing to review: no image was asked about that was not reviewed."
    lines = ["score  entropy  margin  neighbours differ  image"]
    for one in listed:
        differ = one["neighbour_disagreement"]
        said = "-" if differ is None else f"{differ:.0%}"
        where = f"  /?session={one['session']}" if one["session"] else ""
        lines.append(
            f"{one['score']:5.2f}  {one['entropy']:7.2f}  {one['margin']:6.2f}  {said:>17}"
            f"  {one['image']} ({one['question'].replace('_', ' ')}: {one['answer']}?){where}"
        )
    return "\n".join(lines)
