"""The library and the conversations in Postgres: all SQL of the project is in here.

It knows nothing of files, models or agents: vectors, records and ids come in, evidence goes out.
"""

from tools.store.articles import ArticleStore
from tools.store.captions import CaptionStore
from tools.store.corrections import CorrectionStore
from tools.store.counts import LibraryCounts
from tools.store.encoders import EncoderStore
from tools.store.images import ImageStore
from tools.store.index_building import IndexBuilder
from tools.store.jobs import JobStore
from tools.store.literature import LiteratureStore
from tools.store.migrate import migrate
from tools.store.queue import EmbeddingQueue
from tools.store.remarks import RemarkStore
from tools.store.reranking import RerankingStore
from tools.store.scores import ScoreStore
from tools.store.traces import TraceStore
from tools.store.turns import TurnStore

__all__ = ["Store", "migrate"]


class Store(
    EncoderStore,
    ImageStore,
    CaptionStore,
    ArticleStore,
    EmbeddingQueue,
    LiteratureStore,
    RerankingStore,
    TurnStore,
    CorrectionStore,
    RemarkStore,
    ScoreStore,
    TraceStore,
    JobStore,
    LibraryCounts,
    IndexBuilder,
):
    """A database by its URL, with pgvector; connects at the first call and reconnects by itself.

    Every method is one transaction. Every method raises StoreUnavailableError when the server
    cannot be reached or goes away in the middle, in which case nothing of the call is stored.
    """

    def migrate(self) -> list[str]:
        """Bring the schema up to date and return the names of the migrations applied."""
        return migrate(self.url)
