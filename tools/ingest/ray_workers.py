"""Workers as actors of Ray Data, where a Ray cluster is at hand (the extra `scale`).

Ray places the actors, on one machine or many, and replaces one that dies. What an actor does is
what any worker does: it takes a batch of the queue, embeds it and stores its vectors by COPY, in
one transaction. So Ray's repetition of a lost task can double nothing.
"""

import os
from collections.abc import Callable
from time import sleep
from typing import TYPE_CHECKING, Any

import numpy as np

from tools.errors import BadInputError
from tools.ingest.embedding import WAIT, embed_batch
from tools.ingest.report import IngestReport, Interrupted, Progress, never, silent
from tools.protocols import TextEncoder

if TYPE_CHECKING:
    from tools.store import Store

TURNS = 1000  # planned at a time

Load = Callable[["Store"], TextEncoder]  # the encoder of a library; goes to the actors by pickle


class Embedder:
    """An actor: a connection to the database and an encoder, kept from batch to batch."""

    def __init__(self, url: str, load: Load) -> None:
        from tools.store import Store

        self._store = Store(url)
        self._encoder = load(self._store)

    def __call__(self, rows: dict[str, Any]) -> dict[str, Any]:
        """A row is a turn: take the next batch; how many passages it had, 0 where none is left."""
        sizes = [embed_batch(self._store, self._encoder) or 0 for _ in rows["id"]]
        return {"passages": np.array(sizes)}


def work_by_ray(
    store: "Store",
    load: Load,
    actors: int,
    *,
    progress: Progress = silent,
    cancelled: Callable[[], bool] = never,
) -> IngestReport:
    """Embed until nothing waits. BadInputError without Ray; Interrupted as for other workers."""
    data = _ray_data()
    done = 0
    while waiting := store.waiting_batches():
        turns = data.from_items(  # in the driver: a reading task would need a core of its own
            [{"id": number} for number in range(min(waiting, TURNS))],
            override_num_blocks=min(waiting, TURNS),
        ).map_batches(
            Embedder,
            fn_constructor_args=(store.url, load),
            batch_size=1,
            compute=data.ActorPoolStrategy(size=actors),
        )
        for row in turns.iter_rows():
            done += int(row["passages"])
            progress(None, f"{done:,} passages embedded")
            if cancelled():
                raise Interrupted(IngestReport(done))
        sleep(WAIT)  # what still waits is in another's hands
    return IngestReport(done)


def _ray_data() -> Any:
    """`ray.data`, on the cluster of RAY_ADDRESS or on a new one on this machine."""
    os.environ.setdefault("RAY_USAGE_STATS_ENABLED", "0")  # what runs here is nobody's business
    try:
        import ray
        import ray.data
    except ImportError as e:
        raise BadInputError(
            f"Ray is not installed ({e}); run: pip install 'cytoscribe[scale]', or start workers "
            "by `cytoscribe ingest work`"
        ) from None
    if not ray.is_initialized():
        ray.init(log_to_driver=False, logging_level="error")
    ray.data.DataContext.get_current().enable_progress_bars = False
    return ray.data
