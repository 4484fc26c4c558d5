"""The encoder of the library: the one whose vectors are searched, also after a change-over."""

from collections.abc import Callable
from threading import Lock
from typing import Protocol

from tools.errors import ModelUnavailableError
from tools.protocols import TextEncoder


class Encoders(Protocol):
    """What knows which encoder is active; `tools.store.Store` is one."""

    def active_encoder(self) -> str | None: ...


class LibraryEncoder:
    """Calling it gives the encoder to use now, loaded once.

    `wanted` is what embeds a library without vectors. For any other the encoder is loaded by the
    name that is stored with its vectors ("minilm@53aa51172d14").
    """

    def __init__(self, library: Encoders, wanted: str, load: Callable[[str], TextEncoder]) -> None:
        self._library, self._wanted, self._load = library, wanted, load
        self._loaded: dict[str, TextEncoder] = {}
        self._loading = Lock()

    def __call__(self) -> TextEncoder:
        """Ask once a search: it must embed and look up by one and the same encoder.

        Raises ModelUnavailableError where the library's encoder cannot be loaded as it was.
        """
        name = self._library.active_encoder()
        source = name.rpartition("@")[0] if name else self._wanted
        with self._loading:
            if source not in self._loaded:
                self._loaded[source] = self._load(source)
        encoder = self._loaded[source]
        if name not in (None, encoder.name):
            raise ModelUnavailableError(
                f"the library was embedded by {name}, and what loads now is {encoder.name}; run "
                "`cytoscribe library reembed` to embed it anew"
            )
        return encoder
