"""The part of the gate that runs anywhere: drawn images, a starter library, shipped questions.

The images are drawn with a seed of their own, so none of them is in the library they search.
"""

from collections import Counter
from collections.abc import Sequence
from math import inf
from pathlib import Path
from typing import cast

from PIL import Image

from agent.router import Router
from agent.routing_features import Situation
from eval.measuring import Limits, measure
from eval.quick.values import Values, values
from eval.rag.rows import SHIPPED, Row, read_rows
from eval.similar import label_of
from eval.truth import Known
from tools.findings import Kind
from tools.image_search import image_search
from tools.images import open_image
from tools.ingest.labels import count_labels
from tools.literature_search import literature_search
from tools.protocols import TextEncoder, VisionModel
from tools.reranking import LinearReranker
from tools.simulate import Recipe, starter_recipes
from tools.starter import SEED, fill_starter_library
from tools.store import Store

ASKED_SEED = SEED + 1
LIBRARY, ASKED = 150, 75  # images; both mix all kinds
CASES, PASSAGES = 5, 5
SIMILAR = "similar cases, precision at 5"
LITERATURE = "literature, wanted articles among 5 passages"
ROUTING = "routing, all tools right"


def drawn(folder: Path, recipes: Sequence[Recipe]) -> list[Known]:
    """The images as files, and what is true of them because they were drawn so."""
    known = []
    for recipe in recipes:
        drawing, path = recipe.draw(), folder / f"{recipe.name}.png"
        Image.fromarray(drawing.pixels).save(path)
        things = drawing.counts if recipe.kind in ("smear", "nuclei") else {}
        kind = cast(Kind, drawing.kind)
        known.append(Known(path, kind, {**drawing.labels, **count_labels(things)}))
    return known


def described(known: Sequence[Known], model: VisionModel, limits: Limits) -> Values:
    """What the model sees in images."""
    told = measure(known, model, limits)
    rows = zip(told.known, told.seen, strict=True)
    return values((image.path.stem, (image.facts, seen)) for image, seen in rows)


def similar(known: Sequence[Known], store: Store, model: VisionModel) -> Values:
    """How many of the most similar cases are of the image's class."""
    found = {}
    for image in known:
        if label := label_of(image.facts, "class"):
            opened = open_image(image.path, max_pixels=10**7, max_bytes=10**7)
            features = model.look([opened.pixels])
            cases = image_search(opened.image_id, features, model, store, CASES)
            same = sum(label_of(case.labels, "class") == label for case in cases)
            found[image.path.stem] = same / CASES
    return {SIMILAR: found}


def literature(rows: Sequence[Row], encoder: TextEncoder, store: Store) -> Values:
    """Which of the articles that a question wants are among its passages."""
    found = {}
    for row in rows:
        wanted = {i for i in row.reference_ids if i.startswith("pmid:")}
        if wanted:
            passages = literature_search(
                row.question, encoder, store, PASSAGES, reranker=LinearReranker(store)
            )
            found[row.id] = len(wanted & {p.source_id for p in passages}) / len(wanted)
    return {LITERATURE: found}


def routed(rows: Sequence[Row], encoder: TextEncoder) -> Values:
    """Whether a question goes to the tools that it asks for, to no other, or to none."""
    router = Router(encoder)
    planned = {row.id: router.route(row.question, Situation(bool(row.image))) for row in rows}
    right = {row.id: Counter(planned[row.id].tools) == Counter(row.reference_tools) for row in rows}
    return {ROUTING: {name: float(value) for name, value in right.items()}}


def simulated(
    folder: Path, store: Store, model: VisionModel, encoder: TextEncoder, limits: Limits
) -> Values:
    """All of it, in a store that is empty and a folder that is nobody's."""
    known = drawn(folder, starter_recipes(ASKED_SEED)[:ASKED])
    rows = read_rows(SHIPPED)
    library = starter_recipes(SEED)[:LIBRARY]
    fill_starter_library(
        store, model, encoder, folder / "library", lambda _: None, recipes=library, patience=inf
    )
    return {
        **described(known, model, limits),
        **similar(known, store, model),
        **literature(rows, encoder, store),
        **routed(rows, encoder),
    }
