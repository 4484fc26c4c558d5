"""Embed the whole library by another encoder, beside the vectors that are searched meanwhile.

The search changes over at once, when every passage has its new vector. A run that is stopped or
killed is taken up where it was by the next one.
"""

from collections.abc import Callable
from typing import TYPE_CHECKING

from tools.errors import BadInputError
from tools.ingest.captions import embed_captions
from tools.ingest.embedding import embed_missing
from tools.ingest.job import running_job
from tools.ingest.report import IngestReport, Progress, never, silent
from tools.protocols import TextEncoder

if TYPE_CHECKING:
    from tools.store import Store


def reembed(
    store: "Store",
    encoder: TextEncoder,
    *,
    progress: Progress = silent,
    cancelled: Callable[[], bool] = never,
) -> IngestReport:
    """Make the vectors that this encoder lacks, then search by it.

    Articles that arrive meanwhile are embedded as well. Raises StoreUnavailableError, and
    Interrupted, with the report so far, when `cancelled` says so after a batch.
    """
    with running_job(store, "reembed", encoder.name, progress, cancelled) as job:
        passages = store.counts()["passages"]
        if not passages:
            raise BadInputError("the library holds no passages yet; ingest literature first")
        total = store.count_passages_without(encoder.name)
        job.tally.unchanged = passages - total
        whole = False
        while not whole:
            for embedded in embed_missing(store, encoder):
                job.tally.done += embedded
                job.tell(min(1.0, job.tally.done / max(total, 1)), f"{job.tally.done:,} passages")
            embed_captions(store, encoder, cancelled)
            job.index(encoder.name)
            whole = store.activate_encoder(encoder.name)
        return job.tally.report()
