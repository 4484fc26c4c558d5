"""What may be found, as SQL: articles of a literature search (each served by an index), images.

There are two ways to narrow a ranking, and `Chosen` writes both. Where few rows satisfy the filter,
they are fetched first and ranked; where many do, the ranking is walked down and each row is looked
at, until enough have passed.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import LiteralString

from psycopg import sql

from tools.library import ArticleFilter, CaseFilter
from tools.store.connection import Connection

CONDITIONS: Mapping[str, LiteralString] = {
    "year_from": "year >= %(year_from)s",
    "year_to": "year <= %(year_to)s",
    "journals": "lower(journal) = ANY (%(journals)s)",
    "publication_types": "lowered(publication_types) && %(publication_types)s",
    "mesh_terms": "lowered(mesh_terms) && %(mesh_terms)s",
    "corpora": "corpus = ANY (%(corpora)s)",
}
IMAGES: Mapping[str, LiteralString] = {
    "source": "source = %(source)s",
    "licence": "licence = %(licence)s",
    "stain": "labels->>'stain' = %(stain)s",
    "modality": "labels->>'modality' = %(modality)s",
}


@dataclass(frozen=True)
class Chosen:
    """Rows that satisfy a filter, known by a key."""

    key: sql.SQL  # with its table: "images.image_id"
    rows: sql.SQL  # the tables that the conditions speak of
    counted: sql.SQL  # of these, the one whose rows are counted
    conditions: sql.Composable
    values: Mapping[str, object]

    def fetched(self) -> sql.Composed:
        """ " AND image_id IN (…)", the rows fetched once, before anything else."""
        fetched = " AND {name} = ANY (ARRAY(SELECT {key} FROM {rows} WHERE {conditions}))"
        return self._written(fetched)

    def joined(self) -> sql.Composed:
        """The same for many rows to look at: one look-up each in a hash of what was fetched."""
        fetched = (
            " AND {name} IN (SELECT unnest(ARRAY(SELECT {key} FROM {rows} WHERE {conditions})))"
        )
        return self._written(fetched)

    def looked_up(self) -> sql.Composed:
        """A join to a ranking called `ranked` that keeps its order, and what is chosen."""
        looked_up = (
            " CROSS JOIN LATERAL (SELECT FROM {rows} WHERE {key} = ranked.{name} AND {conditions} "
            "LIMIT 1) chosen"
        )
        return self._written(looked_up)

    def fewer_than(self, connection: Connection, most: int) -> bool:
        """Whether fewer rows than `most` satisfy the filter; it counts no further than that."""
        query = self._written(
            "SELECT count(*) FROM (SELECT FROM {counted} WHERE {conditions} LIMIT %(most)s) c"
        )
        row = connection.execute(query, {**self.values, "most": most}).fetchone()
        return bool(row and row[0] < most)

    def _written(self, text: LiteralString) -> sql.Composed:
        name = self.key.as_string().rpartition(".")[2]
        return sql.SQL(text).format(
            key=self.key, name=sql.Identifier(name), rows=self.rows, counted=self.counted,
            conditions=self.conditions,
        )  # fmt: skip


def among(filters: ArticleFilter) -> Chosen | None:
    """The passages of these articles; None where all may be found."""
    wanted = filters.model_dump(exclude_defaults=True)
    if not wanted:
        return None
    rows = sql.SQL("passages JOIN articles USING (article_id)")
    values = {name: _comparable(name, value) for name, value in wanted.items()}
    key, counted = sql.SQL("passages.passage_id"), sql.SQL("articles")
    return Chosen(key, rows, counted, _all(CONDITIONS, wanted), values)


def images_among(where: CaseFilter) -> Chosen | None:
    """The images that are cases; None where all are."""
    wanted = where.model_dump(exclude_defaults=True)
    if not wanted:
        return None
    table = sql.SQL("images")
    return Chosen(sql.SQL("images.image_id"), table, table, _all(IMAGES, wanted), wanted)


def image_conditions(where: CaseFilter) -> sql.Composable:
    """ " AND …" on the table of images itself, its values those of `where`."""
    chosen = images_among(where)
    return sql.SQL(" AND {}").format(chosen.conditions) if chosen else sql.SQL("")


def _all(conditions: Mapping[str, LiteralString], wanted: Mapping[str, object]) -> sql.Composed:
    return sql.SQL(" AND ").join(sql.SQL(conditions[name]) for name in wanted)


def _comparable(name: str, value: object) -> object:
    if not isinstance(value, tuple):
        return value
    return list(value) if name == "corpora" else [str(v).lower() for v in value]
