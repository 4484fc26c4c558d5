"""What an empty library starts with: drawn images, two real ones and an annotated bibliography.

The images are drawn at the first start, not shipped; the real ones lie in the installed
scikit-image. The summaries of the bibliography are ours and are never shown as quotations. A
library that the user has filled is left alone. It knows nothing of how a model sees.
"""

import json
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from functools import partial
from importlib.util import find_spec
from io import BytesIO
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from PIL import Image

from tools.images import image_id_of, open_image, thumbnail
from tools.ingest.captions import embed_captions
from tools.ingest.embedding import embed_batch
from tools.library import Article, ImageRecord, Passage
from tools.protocols import TextEncoder, VisionModel
from tools.simulate import Recipe, starter_recipes

if TYPE_CHECKING:
    from tools.store import Store

BIBLIOGRAPHY = Path(__file__).parent / "starter_data" / "bibliography.jsonl"
CORPUS = "starter"
SEED = 2026
BATCH = 20  # images drawn, embedded and stored at a time: what an interruption can cost
PATIENCE = 90.0  # seconds after which the rest of the images waits for the next start
UNTOLD = ("subject", "modality", "stain")  # true of most images alike; their captions say them
LARGEST = 10_000_000  # pixels, and bytes, of an image here

Progress = Callable[[str], None]


def fill_starter_library(
    store: "Store",
    model: VisionModel,
    encoder: TextEncoder,
    folder: Path,
    progress: Progress,
    *,
    recipes: Sequence[Recipe] | None = None,
    patience: float = PATIENCE,
) -> None:
    """Bring an empty library to its starter content; what is there already is not done again.

    Safe to interrupt and to run at every start: once filled, it costs one query. Images go to
    `folder`. A slow model gets a mixed part of them, and the rest at the next start.
    """
    counts, deadline = store.counts(), time.monotonic() + patience
    recipes = starter_recipes(SEED) if recipes is None else recipes
    with ThreadPoolExecutor(1, "starter-texts") as aside:  # drawing leaves a core free
        reading = None
        if _wants_texts(counts, encoder.name):
            progress("Adding the starter bibliography")
            reading = aside.submit(_add_texts, store, encoder)
        if _wants_images(counts, model.name, len(recipes)):
            _add_images(store, model, _pictures(recipes, folder), progress, deadline)
        if reading:
            reading.result()
    embed_captions(store, encoder)


def bibliography() -> tuple[Article, ...]:
    """The annotated bibliography: real articles, each with a summary in our own words."""
    with BIBLIOGRAPHY.open(encoding="utf-8") as lines:
        return tuple(_article(json.loads(line)) for line in lines)


def _article(row: dict[str, object]) -> Article:
    summary, pmid = row.pop("summary"), row["pmid"]
    del row["source"]  # the data set in which the abstract was read; see starter_data/README.md
    passage = Passage.model_validate({"section": "summary", "text": summary, "quoted": False})
    fields = {**row, "source_id": f"pmid:{pmid}", "corpus": CORPUS, "passages": (passage,)}
    return Article.model_validate(fields)


def _wants_texts(counts: Mapping[str, int], encoder: str) -> bool:
    """Whether there are no articles, or some that are not embedded."""
    return (
        counts["articles"] == 0
        or counts.get(f"passage_embeddings:{encoder}", 0) < counts["passages"]
    )


def _add_texts(store: "Store", encoder: TextEncoder) -> None:
    """Embed about as many passages as the bibliography has; the rest is the ingest's business."""
    articles = bibliography()
    if store.counts()["articles"] == 0:
        store.add_articles(articles)
    embedded = 0
    while embedded < len(articles) and (size := embed_batch(store, encoder)) is not None:
        embedded += size


def _wants_images(counts: Mapping[str, int], model: str, all_drawn: int) -> bool:
    """Whether the library is empty, or holds starter images but not all of them for this model."""
    images, drawn = counts["images"], counts["simulated_images"]
    if images > 0 and drawn == 0:
        return False
    return drawn < all_drawn or counts.get(f"image_embeddings:{model}", 0) < images


@dataclass(frozen=True)
class Picture:
    """An image file and what is known of it."""

    path: Path
    caption: str
    source: str
    licence: str
    labels: dict[str, str] = field(default_factory=dict)
    simulated: bool = False


def real_pictures() -> tuple[Picture, ...]:
    """The micrographs in the installed scikit-image, with what its documentation says of them.

    Read as files: its own functions would download what is missing.
    """
    spec = find_spec("skimage")
    if spec is None or not spec.submodule_search_locations:
        return ()
    folder = Path(spec.submodule_search_locations[0]) / "data"
    pictures = (
        Picture(
            folder / "cell.png",
            "Quantitative phase image of a cell floating in saline, computed from a digital "
            "hologram; the bands in the background are an artefact.",
            "scikit-image",
            "CC0",
        ),
        Picture(
            folder / "ihc.png",
            "Immunohistochemistry of colonic glands: FHL2 protein in brown (DAB), counterstained "
            "with haematoxylin.",
            "scikit-image",
            "no known copyright restrictions",
        ),
    )
    return tuple(picture for picture in pictures if picture.path.is_file())


def _drawn(recipe: Recipe, path: Path) -> Picture:
    """Draw the image unless its file is there; its truth is drawn again in any case."""
    drawn = recipe.draw()
    if not path.exists():
        _write(path, _jpeg(drawn.pixels))
    labels = {name: value for name, value in drawn.labels.items() if name not in UNTOLD}
    return Picture(path, drawn.caption, "Cytoscribe simulator", "Apache-2.0", labels, True)


def picture_bytes(recipe: Recipe) -> bytes:
    """The file of a drawn image of the starter library."""
    return _jpeg(recipe.draw().pixels)


def _jpeg(pixels: np.ndarray) -> bytes:
    out = BytesIO()
    Image.fromarray(pixels).save(out, "JPEG", quality=92, subsampling=0)
    return out.getvalue()


def _write(path: Path, data: bytes) -> None:
    """A half-written file is never seen under its name."""
    path.parent.mkdir(parents=True, exist_ok=True)
    unfinished = path.with_suffix(".part")
    unfinished.write_bytes(data)
    unfinished.replace(path)


def _pictures(recipes: Sequence[Recipe], folder: Path) -> Mapping[Path, Callable[[], Picture]]:
    """What makes the picture of each path; the few real ones do not come last, nor alone."""
    makers: dict[Path, Callable[[], Picture]] = {}
    for picture in real_pictures():
        makers[picture.path] = partial(Picture, **vars(picture))
    for recipe in recipes:
        path = folder / f"{recipe.name}.jpg"
        makers[path] = partial(_drawn, recipe, path)
    return makers


def _add_images(
    store: "Store",
    model: VisionModel,
    pictures: Mapping[Path, Callable[[], Picture]],
    progress: Progress,
    deadline: float,
) -> None:
    missing = _missing(store, model.name, list(pictures))
    total, done = len(pictures), len(pictures) - len(missing)
    for batch in _batches(missing):
        progress(f"Filling the starter library: image {done + 1} of {total}")
        _add(store, model, [pictures[path]() for path in batch])
        done += len(batch)
        if time.monotonic() > deadline and done < total:
            progress(f"{done} of {total} starter images are in; the rest follows at next start")
            return


def _missing(store: "Store", model: str, paths: Sequence[Path]) -> list[Path]:
    ids = {path: image_id_of(path.read_bytes()) for path in paths if path.exists()}
    known = store.known_images(list(ids.values()), model)
    return [path for path in paths if ids.get(path) not in known]


def _batches(paths: Sequence[Path]) -> Iterator[Sequence[Path]]:
    return (paths[start : start + BATCH] for start in range(0, len(paths), BATCH))


def _add(store: "Store", model: VisionModel, pictures: Sequence[Picture]) -> None:
    opened = [
        open_image(picture.path, max_pixels=LARGEST, max_bytes=LARGEST) for picture in pictures
    ]
    records = [
        ImageRecord(
            image_id=image.image_id,
            path=str(picture.path),
            width=image.pixels.width,
            height=image.pixels.height,
            caption=picture.caption,
            labels=picture.labels,
            source=picture.source,
            licence=picture.licence,
            simulated=picture.simulated,
            thumbnail=thumbnail(image.pixels),
        )
        for picture, image in zip(pictures, opened, strict=True)
    ]
    vectors = model.embed_image(model.look([image.pixels for image in opened]))
    store.add_images(records, model.name, vectors)
