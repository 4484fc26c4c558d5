"""Empty folders that an embedded server may use: those of pytest are closed to its account."""

import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path


@contextmanager
def new_server_folder() -> Iterator[Path]:
    """A folder for a block; started by root, Postgres runs as another user, who must get in."""
    with tempfile.TemporaryDirectory(prefix="cyto-") as name:
        folder = Path(name)
        folder.chmod(0o755)
        yield folder
