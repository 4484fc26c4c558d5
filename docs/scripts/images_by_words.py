"""How many of the first five images are of the class that was asked for in words.

python docs/scripts/images_by_words.py DATA: the cell classes of DATA (a folder of labelled images,
such as pbc_wbcatt) asked in the plural, through the real ingest and search in a library that is
thrown away. Images have one constant vector: no model looks at them. Prints JSON.
"""

import argparse
import json
import sys
from collections.abc import Sequence
from pathlib import Path
from time import perf_counter

import numpy as np
from PIL.Image import Image

from agent.build import open_encoder, open_store
from agent.settings import load_settings
from eval.commands.scratch import scratch
from eval.watching import Shares, watch
from tools.cases_by_words import cases_by_words
from tools.findings import CELL_TYPE
from tools.ingest import ingest_images
from tools.ingest.captions import embed_captions
from tools.protocols import ImageFeatures, Vectors

K = 5
OTHER_NAMES = {
    "thrombocytes": "platelet",
    "nucleated red blood cells": "erythroblast",
    "eosinófilos": "eosinophil",
    "Monozyten": "monocyte",
}


class NoLook:
    """A model without eyes."""

    name, embedding_dim = "none", 2

    def look(self, images: Sequence[Image]) -> ImageFeatures:
        return ImageFeatures(None, len(images))

    def embed_image(self, features: ImageFeatures) -> Vectors:
        return np.tile(np.array([1, 0], np.float32), (features.n, 1))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("data", type=Path)
    data = parser.parse_args().data
    settings = load_settings(starter_library=False)
    encoder = open_encoder(settings)
    with scratch(settings) as (own, _), open_store(own) as store:
        with watch("Filling the library", 100) as step:
            ingest_images(data, store=store, model=NoLook(), progress=Shares(step))  # type: ignore[arg-type]
        captions = embed_captions(store, encoder)
        right, seconds = {}, []
        for words, wanted in ({f"{c}s": c for c in CELL_TYPE.options} | OTHER_NAMES).items():
            began = perf_counter()
            found = cases_by_words(words, encoder, store, K)
            seconds.append(perf_counter() - began)
            right[words] = sum(c.labels.get("cell_type") == wanted for c in found) / K
        told = {"images": store.counts()["images"], "captions": captions, "precision@5": right}
    json.dump(told | {"p50_ms": 1000 * float(np.median(seconds))}, sys.stdout, indent=1)


if __name__ == "__main__":
    main()
