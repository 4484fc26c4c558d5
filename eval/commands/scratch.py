"""A data folder and database of their own for an evaluation: the user's library stays as it is."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory

from pydantic import SecretStr

from agent.settings import Settings


@contextmanager
def scratch(settings: Settings) -> Iterator[tuple[Settings, Path]]:
    """The settings with an empty folder, and that folder; it is thrown away at the end."""
    with TemporaryDirectory(prefix="cytoscribe-eval-") as name:
        folder = Path(name)
        folder.chmod(0o755)  # started by root, Postgres runs as another user
        own = {"data_dir": folder, "database_url": SecretStr("")}
        yield settings.model_copy(update=own), folder
