"""Fill the library from files: images with their labels, literature with its passages."""

from tools.ingest.from_pubmed import ingest_pubmed
from tools.ingest.images import Limits, ingest_images
from tools.ingest.literature import ingest_literature
from tools.ingest.report import IngestReport, Interrupted, Progress

__all__ = [
    "IngestReport",
    "Interrupted",
    "Limits",
    "Progress",
    "ingest_images",
    "ingest_literature",
    "ingest_pubmed",
]
