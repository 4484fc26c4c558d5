"""Ingest a folder with a model that takes its time: `python slow_ingest.py FOLDER DATABASE_URL`."""

import sys
import time
from pathlib import Path

from test_ingest_images import MeanColour

from tools.ingest import ingest_images
from tools.protocols import ImageFeatures, Vectors
from tools.store import Store


class Slow(MeanColour):
    def embed_image(self, features: ImageFeatures) -> Vectors:
        time.sleep(0.1)
        return super().embed_image(features)


if __name__ == "__main__":
    with Store(sys.argv[2]) as store:
        ingest_images(Path(sys.argv[1]), store=store, model=Slow())
