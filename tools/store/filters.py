"""What may be found, as SQL: articles of a literature search (each served by an index), images."""

from collections.abc import Iterable, Mapping
from typing import LiteralString

from psycopg import sql

from tools.library import ArticleFilter, CaseFilter

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


def among(filters: ArticleFilter) -> tuple[sql.Composable, dict[str, object]]:
    """ " AND passage_id IN (…)" with its values; nothing where all articles may be found."""
    wanted = filters.model_dump(exclude_defaults=True)
    if not wanted:
        return sql.SQL(""), {}
    conditions = _all(CONDITIONS, wanted)
    chosen = sql.SQL(
        " AND passage_id IN (SELECT passage_id FROM passages JOIN articles USING (article_id) "
        "WHERE {})"
    ).format(conditions)
    return chosen, {name: _comparable(name, value) for name, value in wanted.items()}


def images_among(where: CaseFilter) -> sql.Composable:
    """ "AND image_id IN (…)", its values those of `where`; nothing where all images are cases."""
    wanted = where.model_dump(exclude_defaults=True)
    if not wanted:
        return sql.SQL("")
    chosen = sql.SQL("AND image_id IN (SELECT image_id FROM images WHERE {})")
    return chosen.format(_all(IMAGES, wanted))


def _all(conditions: Mapping[str, LiteralString], wanted: Iterable[str]) -> sql.Composed:
    return sql.SQL(" AND ").join(sql.SQL(conditions[name]) for name in wanted)


def _comparable(name: str, value: object) -> object:
    if not isinstance(value, tuple):
        return value
    return list(value) if name == "corpora" else [str(v).lower() for v in value]
