"""How far an ingest is and how fast it goes."""

from time import monotonic


class Pace:
    """Counts what is read and embedded, in this run and, of what waits, by anybody."""

    def __init__(self, waiting: int, size: int) -> None:
        self.passages = waiting  # seen in this run, those that waited before it among them
        self.size = size  # of all that is to be read, in the unit of `read`
        self.read = 0
        self._began, self._embedded, self._told = monotonic(), 1.0, 0.0

    def share(self, waiting: int) -> float:
        """The share done, by what is read and what of that is embedded; never less than before."""
        self._embedded = max(0.0, 1 - waiting / max(self.passages, waiting, 1))
        read = min(self.read / self.size, 1.0) if self.size else 1.0
        self._told = max(self._told, read * self._embedded)
        return self._told

    def in_words(self, articles: int) -> str:
        """Articles read, and the whole ones a second."""
        rate = articles * self._embedded / max(monotonic() - self._began, 1e-3)
        return f"{articles:,} articles, {rate:,.{0 if rate > 10 else 1}f} a second"
