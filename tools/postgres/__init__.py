"""A private PostgreSQL + pgvector server for one data folder, shared by all processes that use it.

`EmbeddedPostgres` starts it, and the last process out stops it. POSIX only (flock, unix sockets).
"""

from tools.postgres.binaries import find_binaries
from tools.postgres.server import EmbeddedPostgres

__all__ = ["EmbeddedPostgres", "find_binaries"]
