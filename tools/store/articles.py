"""Articles on their way into the library: new ones, later versions, deletions."""

from collections.abc import Mapping, Sequence
from typing import Any

from psycopg.rows import dict_row

from tools.library import Article
from tools.store.connection import Connection, Database
from tools.store.lexical import add_segment
from tools.store.queue import enqueue

FIELDS = (
    "source_id", "pmid", "doi", "title", "journal", "year", "mesh_terms", "publication_types",
    "retracted", "corpus", "version", "revised",
)  # fmt: skip
INSERT = (
    f"INSERT INTO articles ({', '.join(FIELDS)}) VALUES ({', '.join(f'%({f})s' for f in FIELDS)}) "
    "ON CONFLICT (source_id) DO NOTHING RETURNING source_id, article_id"
)
KEPT = ("source_id", "corpus")  # by a later version
UPDATE = (
    f"UPDATE articles SET {', '.join(f'{f} = %({f})s' for f in FIELDS if f not in KEPT)} "
    "WHERE source_id = %(source_id)s"
)
STORED = (
    f"SELECT article_id, {', '.join(FIELDS)}, coalesce((SELECT jsonb_agg(jsonb_build_object("
    "'section', section, 'text', passage, 'quoted', quoted) ORDER BY position) FROM passages p "
    "WHERE p.article_id = a.article_id), '[]') AS passages FROM articles a "
    "WHERE source_id = ANY (%s)"
)


class ArticleStore(Database):
    """Articles, each known by its source id; the passages of new text join the queue."""

    def add_articles(self, articles: Sequence[Article]) -> int:
        """Store articles with their passages; return how many were new or later versions.

        A later version (`Article.supersedes`) replaces what is there; any other article stays as
        it is, but for a retraction, which is always taken over. One that was deleted stays out.
        """
        with self.transaction() as connection:
            wanted = _newest(articles, _deleted(connection, articles))
            new = _insert_articles(connection, wanted)
            known = [article for name, article in wanted.items() if name not in new]
            later = _later_versions(connection, [a for a in known if a.revised or a.retracted])
            _insert_passages(connection, wanted, new | _update(connection, later))
            connection.execute(
                "UPDATE articles SET retracted = true WHERE source_id = ANY (%s) AND NOT retracted",
                ([a.source_id for a in known if a.retracted],),
            )
            return len(new) + len(later)

    def delete_articles(self, ids: Sequence[str]) -> int:
        """Delete articles with all that is theirs, for good; return how many were there."""
        with self.transaction() as connection:
            connection.execute(
                "INSERT INTO deleted_articles (source_id) SELECT unnest(%s::text[]) ORDER BY 1 "
                "ON CONFLICT DO NOTHING",
                (list(ids),),
            )
            return connection.execute(
                "DELETE FROM articles WHERE source_id = ANY (%s)", (list(ids),)
            ).rowcount

    def articles_of_file(self, sha256: str, format: str, corpus: str) -> int | None:
        """How many articles a file holds that went in as a whole; None for any other."""
        with self.transaction() as connection:
            row = connection.execute(
                "SELECT articles FROM ingested_files WHERE (sha256, format, corpus) = (%s, %s, %s)",
                (sha256, format, corpus),
            ).fetchone()
            return int(row[0]) if row else None

    def note_file(self, sha256: str, format: str, corpus: str, articles: int) -> None:
        """Note that all articles of a file are in."""
        with self.transaction() as connection:
            connection.execute(
                "INSERT INTO ingested_files (sha256, format, corpus, articles) "
                "VALUES (%s, %s, %s, %s) ON CONFLICT DO NOTHING",
                (sha256, format, corpus, articles),
            )


def _deleted(connection: Connection, articles: Sequence[Article]) -> set[str]:
    rows = connection.execute(
        "SELECT source_id FROM deleted_articles WHERE source_id = ANY (%s)",
        ([a.source_id for a in articles],),
    )
    return {row[0] for row in rows}


def _newest(articles: Sequence[Article], deleted: set[str]) -> dict[str, Article]:
    """One of each id: the latest version, else the first."""
    newest: dict[str, Article] = {}
    for article in articles:
        held = newest.get(article.source_id)
        if article.source_id not in deleted and (held is None or article.supersedes(held)):
            newest[article.source_id] = article
    return newest


def _row(article: Article) -> dict[str, Any]:
    """Values for FIELDS."""
    row = article.model_dump(include=set(FIELDS))
    return row | {name: list(row[name]) for name in ("mesh_terms", "publication_types")}


def _insert_articles(connection: Connection, articles: Mapping[str, Article]) -> dict[str, int]:
    """Insert those that are new; return their row ids by source id."""
    rows = [_row(articles[name]) for name in sorted(articles)]  # one order: no deadlock
    with connection.cursor() as cursor:
        cursor.executemany(INSERT, rows, returning=True)
        return dict(row for result in cursor.results() for row in result) if rows else {}


def _later_versions(
    connection: Connection, articles: Sequence[Article]
) -> list[tuple[Article, int, bool]]:
    """Those that supersede what is stored and differ: row id, and whether the text differs too.

    Their rows, and those of all that were asked about, stay locked: no older version overtakes.
    """
    ids = [article.source_id for article in articles]
    connection.execute(
        "SELECT FROM articles WHERE source_id = ANY (%s) ORDER BY source_id FOR NO KEY UPDATE",
        (ids,),
    )
    with connection.cursor(row_factory=dict_row) as cursor:
        rows = {row["source_id"]: row for row in cursor.execute(STORED, (ids,))} if ids else {}
    later = []
    for article in articles:
        number = rows[article.source_id].pop("article_id")
        held = Article.model_validate(rows[article.source_id])
        article = article.model_copy(update={"corpus": held.corpus})
        if article != held and article.supersedes(held):
            text_differs = (article.title, article.passages) != (held.title, held.passages)
            later.append((article, number, text_differs))
    return later


def _update(connection: Connection, later: Sequence[tuple[Article, int, bool]]) -> dict[str, int]:
    """Bring rows up to date; those whose text differs lose their passages, and are returned."""
    with connection.cursor() as cursor:
        cursor.executemany(UPDATE, [_row(article) for article, _, _ in later])
    rewritten = {article.source_id: number for article, number, differs in later if differs}
    connection.execute(
        "DELETE FROM passages WHERE article_id = ANY (%s)", (list(rewritten.values()),)
    )
    return rewritten


def _insert_passages(
    connection: Connection, articles: Mapping[str, Article], rows: Mapping[str, int]
) -> None:
    """Store the passages of these articles by binary COPY, index their words, enqueue them."""
    passages = [
        (number, position, articles[name].title, passage)
        for name, number in rows.items()
        for position, passage in enumerate(articles[name].passages)
    ]
    ids = _new_ids(connection, len(passages))
    with connection.cursor() as cursor, cursor.copy(
        "COPY passages (passage_id, article_id, position, section, passage, quoted) "
        "FROM STDIN WITH (FORMAT BINARY)"
    ) as copy:  # fmt: skip
        copy.set_types(["int8", "int8", "int4", "text", "text", "bool"])
        for number, (article, position, _, p) in zip(ids, passages, strict=True):
            copy.write_row((number, article, position, p.section, p.text, p.quoted))
    add_segment(connection, ids)
    lengths = [len(title) + len(passage.text) for _, _, title, passage in passages]
    enqueue(connection, list(zip(ids, lengths, strict=True)))


def _new_ids(connection: Connection, number: int) -> list[int]:
    rows = connection.execute(
        "SELECT nextval('passages_passage_id_seq') FROM generate_series(1, %s)", (number,)
    )
    return [row[0] for row in rows]
