"""Bring the best matches of a PubMed search into the library.

What is there already is not fetched again.
"""

from collections.abc import Callable
from typing import TYPE_CHECKING

from tools.ingest.batches import batches
from tools.ingest.embedding import Here
from tools.ingest.job import running_job
from tools.ingest.literature import Ingest
from tools.ingest.report import IngestReport, Progress, never, silent
from tools.protocols import TextEncoder

if TYPE_CHECKING:
    from tools.pubmed import PubMed
    from tools.store import Store

BATCH = 64  # articles a transaction


def ingest_pubmed(
    query: str,
    limit: int,
    *,
    store: "Store",
    encoder: TextEncoder,
    pubmed: "PubMed",
    progress: Progress = silent,
    cancelled: Callable[[], bool] = never,
) -> IngestReport:
    """Ingest at most `limit` articles, the most relevant first.

    Raises RemoteServiceError where PubMed does not answer (what was fetched is kept),
    BadInputError for a query it cannot read, StoreUnavailableError, and Interrupted.
    """
    with running_job(store, "pubmed", query, progress, cancelled) as job:
        progress(None, "searching PubMed")
        wanted = pubmed.search(query, limit).pmids
        known = store.known_articles([f"pmid:{pmid}" for pmid in wanted])
        new = [pmid for pmid in wanted if f"pmid:{pmid}" not in known]
        job.tally.unchanged += len(wanted) - len(new)
        articles = Ingest(store, Here(store, encoder), job, len(wanted))
        for batch in batches(pubmed.fetch(new, f"pubmed: {query}"), BATCH):
            articles.pace.read = job.tally.articles + len(batch)
            articles.add(batch, "PubMed")
        articles.finish()
        return job.tally.report()
