"""The model that a search asks for, remembered for a moment: most of a search's look-ups are this.

What changes within that moment (an index that is built, a model that is dropped) is met by a search
that began before: it compares one by one, or finds no vectors of that model.
"""

from time import monotonic

from tools.errors import BadInputError
from tools.protocols import Vectors
from tools.store.connection import Connection, Database
from tools.store.embeddings import Kind, Model, check, find_model

SECONDS = 1.0


class SearchedModels(Database):
    """Shared by the searches for passages and for images."""

    def __init__(self, url: str) -> None:
        super().__init__(url)
        self._known: dict[tuple[Kind, str], tuple[float, Model]] = {}

    def searched_model(
        self, connection: Connection, kind: Kind, name: str, vector: Vectors
    ) -> Model | None:
        """The model to search with; None when nothing of this kind was ever embedded.

        Raises BadInputError for a vector of a wrong dimension, and where all that is stored comes
        from other models: its vectors cannot be compared.
        """
        model = self._remembered(connection, kind, name)
        if model is not None:
            check(vector.reshape(1, -1), name, model.dimension)
            return model
        rows = connection.execute("SELECT name FROM embedding_models WHERE kind = %s", (kind,))
        if others := sorted(row[0] for row in rows):
            raise BadInputError(
                f"The library holds no {kind} embeddings of {name!r}, only of {', '.join(others)}; "
                "vectors of different models cannot be compared: ingest again with this model"
            )
        return None

    def _remembered(self, connection: Connection, kind: Kind, name: str) -> Model | None:
        since, known = self._known.get((kind, name), (-SECONDS, None))
        if known and monotonic() - since < SECONDS:
            return known
        if model := find_model(connection, kind, name):
            self._known[kind, name] = (monotonic(), model)
        return model
