"""Which text encoder's vectors are searched, and changing over to another's when they are whole."""

from tools.errors import BadInputError
from tools.store.connection import Connection, Database
from tools.store.embeddings import drop_index, find_model, index_name


class EncoderStore(Database):
    """The encoders of the library: one active, others beside it while they are being made."""

    def active_encoder(self) -> str | None:
        """The name of the encoder that is searched; None before the first vector."""
        with self.transaction() as connection:
            return _active(connection)

    def activate_encoder(self, name: str) -> bool:
        """Search by this encoder's vectors from now on; False unless every passage has one.

        Passages cannot arrive while this is checked. A search that began before still finds the
        vectors it asked for: none is deleted here.
        """
        with self.transaction() as connection:
            connection.execute("LOCK TABLE passages IN SHARE MODE")
            model = find_model(connection, "text", name)
            if model is None or _missing(connection, model.model_id):
                return False
            connection.execute("UPDATE embedding_models SET active = false WHERE active")
            connection.execute(
                "UPDATE embedding_models SET active = true WHERE model_id = %s", (model.model_id,)
            )
            return True

    def drop_encoder(self, name: str) -> int:
        """Delete an encoder's vectors and forget it; how many. BadInputError for the active one."""
        model_id, deleted = self._forget(name)
        with self.session() as session:  # afterwards: dropping it at once would hold up searches
            for method in ("halfvec", "binary"):
                drop_index(session, index_name("text", model_id, method))
        return deleted

    def _forget(self, name: str) -> tuple[int, int]:
        with self.transaction() as connection:
            if name == _active(connection):
                raise BadInputError(f"{name!r} is searched: make another encoder's vectors first")
            model = find_model(connection, "text", name)
            if model is None:
                raise BadInputError(f"the library has no vectors of {name!r}")
            connection.execute(
                "DELETE FROM caption_embeddings WHERE model_id = %s", (model.model_id,)
            )
            deleted = connection.execute(
                "DELETE FROM passage_embeddings WHERE model_id = %s", (model.model_id,)
            ).rowcount
            connection.execute(
                "DELETE FROM embedding_models WHERE model_id = %s", (model.model_id,)
            )
            return model.model_id, deleted

    def count_passages_without(self, encoder: str) -> int:
        """How many passages have no vector of this encoder."""
        with self.transaction() as connection:
            model = find_model(connection, "text", encoder)
            return _missing(connection, model.model_id if model else 0)


def _active(connection: Connection) -> str | None:
    row = connection.execute(
        "SELECT name FROM embedding_models WHERE kind = 'text' AND active"
    ).fetchone()
    return str(row[0]) if row else None


def _missing(connection: Connection, model_id: int) -> int:
    row = connection.execute(
        "SELECT count(*) FROM passages p WHERE NOT EXISTS (SELECT FROM passage_embeddings e "
        "WHERE e.passage_id = p.passage_id AND e.model_id = %s)",
        (model_id,),
    ).fetchone()
    assert row is not None
    return int(row[0])
