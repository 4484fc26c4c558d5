"""An encoder that remembers the passages it embedded, in a folder: for repeated measurements."""

import dbm
import hashlib
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from tools.errors import BadInputError
from tools.protocols import TextEncoder, Vectors


class CachedEncoder:
    """Vectors of passages by the sha256 of encoder and text; queries are always encoded."""

    def __init__(self, encoder: TextEncoder, folder: Path) -> None:
        self._encoder, self.name = encoder, encoder.name
        self.dimension, self.normalised = encoder.dimension, encoder.normalised
        self._path = str(folder / "vectors")
        try:
            folder.mkdir(parents=True, exist_ok=True)
            with dbm.open(self._path, "c"):
                pass
        except (OSError, *dbm.error) as e:
            raise BadInputError(f"--cache {folder} cannot be used: {e}") from e

    def encode_queries(self, texts: Sequence[str]) -> Vectors:
        return self._encoder.encode_queries(texts)

    def encode_passages(self, texts: Sequence[str]) -> Vectors:
        keys = [hashlib.sha256(f"{self.name}\n{text}".encode()).digest() for text in texts]
        with dbm.open(self._path, "c") as kept:
            new = [i for i, key in enumerate(keys) if key not in kept]
            made = self._encoder.encode_passages([texts[i] for i in new])
            for i, vector in zip(new, made, strict=True):
                kept[keys[i]] = vector.tobytes()
            found = [np.frombuffer(kept[key], np.float32) for key in keys]
        return np.stack(found) if found else np.zeros((0, self.dimension), np.float32)
