"""What the tools need from models, as Protocols; `agent/build.py` fills them.

So that tools import neither torch nor the agent, and a test's fake is ten lines.
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray
from PIL.Image import Image

Vectors = NDArray[np.float32]  # (n, dimension), rows L2-normalised
Asked = tuple[str, Sequence[str]]  # a closed question and the answers it allows


@dataclass(frozen=True)
class Familiarity:
    """How much an image looks like those that a model was taught to describe."""

    probability: float  # that it is one of them
    known: bool  # whether that is enough to say anything of it
    likest: str  # what it looks like most: "cell image", "chart", "photograph", …


@dataclass(frozen=True)
class ImageFeatures:
    """The vision tower's output for a batch; one pass serves all that is asked of the images.

    `tower` is opaque outside the model: (n, image tokens, width). `familiarity` is that of each
    image; None where nobody can tell. `kept` is the model's own: what it made of the tower
    and will need again.
    """

    tower: Any
    n: int
    familiarity: tuple[Familiarity | None, ...] | None = None
    kept: dict[str, Any] = field(default_factory=dict, compare=False, repr=False)


@dataclass(frozen=True)
class Generated:
    """Decoded text and the geometric mean of its tokens' probabilities.

    Tokens are counted for traces (0: not counted): those read, image tokens too, and those written.
    """

    text: str
    probability: float
    prompt_tokens: int = field(default=0, compare=False)
    tokens: int = field(default=0, compare=False)


class VisionModel(Protocol):
    """A vision-language model; every method takes the features that `look` returned."""

    @property
    def name(self) -> str: ...  # id or folder, with revision or digest

    @property
    def embedding_dim(self) -> int: ...

    def look(self, images: Sequence[Image]) -> ImageFeatures:
        """One vision pass over RGB images."""

    def describe(
        self, features: ImageFeatures, cancelled: Callable[[], bool] = ...
    ) -> list[Generated]:
        """Free text, one per image; raises Cancelled once `cancelled` says so."""

    def answer(
        self, features: ImageFeatures, question: str, cancelled: Callable[[], bool] = ...
    ) -> list[Generated]:
        """A short answer to a question, one per image; raises Cancelled like `describe`."""

    def stream(
        self,
        features: ImageFeatures,
        question: str | None = None,
        cancelled: Callable[[], bool] = ...,
    ) -> Iterator[str]:
        """Pieces of text for a single image: a description, or the answer to `question`."""

    def score(
        self, features: ImageFeatures, question: str, options: Sequence[str]
    ) -> NDArray[np.float64]:
        """Probabilities of the closed answers, (n images, n options), rows sum to 1."""

    def score_all(
        self,
        features: ImageFeatures,
        questions: Sequence[Asked],
        cancelled: Callable[[], bool] = ...,
    ) -> list[NDArray[np.float64]]:
        """`score` for each question, in as few passes as the model can; raises Cancelled."""

    def embed_image(self, features: ImageFeatures) -> Vectors:
        """Image vectors for similarity search, (n, embedding_dim)."""


class TextEncoder(Protocol):
    """A sentence encoder; queries and passages may be encoded differently.

    A passage may begin with its title, on a line of its own.
    """

    @property
    def name(self) -> str: ...

    @property
    def dimension(self) -> int: ...

    @property
    def normalised(self) -> bool:
        """Whether vectors have unit length; else they are compared by inner product."""

    def encode_queries(self, texts: Sequence[str]) -> Vectors: ...

    def encode_passages(self, texts: Sequence[str]) -> Vectors: ...
