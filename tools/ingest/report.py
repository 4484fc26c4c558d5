"""What an ingest tells while it runs and when it is over."""

from collections.abc import Callable
from dataclasses import dataclass, field

from tools.errors import Cancelled

Progress = Callable[[float | None, str], None]  # share done (None: unknown) and a line of text


def silent(_: float | None, __: str) -> None:
    """Show no progress."""


def never() -> bool:
    """Nobody asks to stop."""
    return False


@dataclass(frozen=True)
class IngestReport:
    """How an ingest ended; `skipped` names each file or record that did not go in, and why."""

    done: int = 0
    unchanged: int = 0
    skipped: tuple[tuple[str, str], ...] = ()
    deleted: int = 0  # because the source says so
    waiting: int = 0  # passages that are not embedded yet

    def in_words(self, things: str) -> str:
        return (
            f"{self.done:,} {things} added, {self.unchanged:,} unchanged, "
            f"{len(self.skipped):,} skipped"
            + f", {self.deleted:,} deleted" * bool(self.deleted)
            + f", {self.waiting:,} passages still to embed" * bool(self.waiting)
        )


class Interrupted(Cancelled):
    """The user stopped an ingest; the batch in hand went in, and `report` says what is done."""

    def __init__(self, report: IngestReport) -> None:
        super().__init__("stopped; run the same command again to go on where it stopped")
        self.report = report


@dataclass
class Tally:
    """The counts of a running ingest."""

    done: int = 0
    unchanged: int = 0
    skipped: list[tuple[str, str]] = field(default_factory=list)
    deleted: int = 0
    waiting: int = 0

    @property
    def articles(self) -> int:
        """Those that are in the library now, by this run or before."""
        return self.done + self.unchanged

    def skip(self, name: str, reason: str) -> None:
        self.skipped.append((name, reason))

    def report(self) -> IngestReport:
        return IngestReport(
            self.done, self.unchanged, tuple(self.skipped), self.deleted, self.waiting
        )
