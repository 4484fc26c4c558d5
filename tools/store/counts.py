"""How much the library holds."""

from tools.store.connection import Database

TABLES = ("images", "image_embeddings", "articles", "passages", "postings", "passage_embeddings")


class LibraryCounts(Database):
    """Numbers for the library command and the page."""

    def counts(self) -> dict[str, int]:
        """Rows by what they are; embeddings by model, as `image_embeddings:NAME`."""
        with self.transaction() as connection:
            rows = connection.execute(
                "SELECT 'images', count(*) FROM images "
                "UNION ALL SELECT 'simulated_images', count(*) FROM images WHERE simulated "
                "UNION ALL SELECT 'articles', count(*) FROM articles "
                "UNION ALL SELECT 'passages', count(*) FROM passages "
                "UNION ALL SELECT 'sessions', count(*) FROM sessions "
                "UNION ALL SELECT 'turns', count(*) FROM turns "
                "UNION ALL SELECT 'feedback', count(*) FROM feedback "
                "UNION ALL SELECT 'image_embeddings:' || name, (SELECT count(*) "
                "FROM image_embeddings e WHERE e.model_id = m.model_id) "
                "FROM embedding_models m WHERE kind = 'image' "
                "UNION ALL SELECT 'passage_embeddings:' || name, (SELECT count(*) "
                "FROM passage_embeddings e WHERE e.model_id = m.model_id) "
                "FROM embedding_models m WHERE kind = 'text'"
            ).fetchall()
        return dict(rows)

    def bytes_of_tables(self) -> dict[str, int]:
        """What the library takes on disk, by table, with its indexes."""
        with self.reading() as connection:
            rows = connection.execute(
                "SELECT t, pg_total_relation_size(t::regclass) FROM unnest(%s::text[]) AS t",
                (list(TABLES),),
            ).fetchall()
        return dict(rows)

    def versions(self) -> str:
        """The server's and pgvector's versions, in words."""
        with self.transaction() as connection:
            row = connection.execute(
                "SELECT 'PostgreSQL ' || current_setting('server_version') || ', pgvector ' || "
                "extversion FROM pg_extension WHERE extname = 'vector'"
            ).fetchone()
        return str(row[0]) if row else "pgvector is not installed"
