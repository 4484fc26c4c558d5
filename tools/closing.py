"""What holds something open, and gives it back when its context ends."""

from types import TracebackType
from typing import Self


class Closing:
    """A context that ends by `close`."""

    def close(self) -> None:
        """Give back what is held."""
        raise NotImplementedError

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.close()
