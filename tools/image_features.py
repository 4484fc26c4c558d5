"""One vision pass an image: description, similarity and follow-up questions share its features.

A follow-up a minute later finds the features still here; the least recently used are forgotten.
It knows nothing of what the features are good for.
"""

from collections import OrderedDict
from concurrent.futures import Future
from threading import Lock

from PIL.Image import Image

from tools.images import ImageFolder
from tools.protocols import ImageFeatures, VisionModel

KEPT = 32  # images; at most 5 MB each (1,024 tokens of width 1,152 in float32)


class FeatureCache:
    """The features of stored images by id; two callers at once cost one pass."""

    def __init__(self, model: VisionModel, images: ImageFolder, kept: int = KEPT) -> None:
        self._model, self._images, self._kept = model, images, kept
        self._lock = Lock()
        self._passes: OrderedDict[str, Future[ImageFeatures]] = OrderedDict()

    def __call__(self, image_id: str) -> ImageFeatures:
        """Features of one image, (1, image tokens, width); BadImageError where it is gone."""
        with self._lock:
            waiting = self._passes.get(image_id)
            if waiting is not None:
                self._passes.move_to_end(image_id)
            else:
                mine: Future[ImageFeatures] = Future()
                self._passes[image_id] = mine
        return waiting.result() if waiting is not None else self._look(image_id, mine)

    def pixels(self, image_id: str) -> Image:
        """The stored image itself; BadImageError where it is gone."""
        return self._images.open(image_id).pixels

    def _look(self, image_id: str, mine: Future[ImageFeatures]) -> ImageFeatures:
        try:
            mine.set_result(self._model.look([self._images.open(image_id).pixels]))
        except BaseException as error:
            mine.set_exception(error)  # who waits gets it too; the next caller tries again
            self._forget(image_id)
            raise
        self._forget_the_oldest()
        return mine.result()

    def _forget(self, image_id: str) -> None:
        with self._lock:
            self._passes.pop(image_id, None)

    def _forget_the_oldest(self) -> None:
        with self._lock:
            while len(self._passes) > self._kept:
                self._passes.popitem(last=False)
