"""ArticleFilter of a literature search as SQL conditions on articles, each served by an index."""

from psycopg import sql

from tools.library import ArticleFilter

CONDITIONS = {
    "year_from": "year >= %(year_from)s",
    "year_to": "year <= %(year_to)s",
    "journals": "lower(journal) = ANY (%(journals)s)",
    "publication_types": "lowered(publication_types) && %(publication_types)s",
    "mesh_terms": "lowered(mesh_terms) && %(mesh_terms)s",
    "corpora": "corpus = ANY (%(corpora)s)",
}


def among(filters: ArticleFilter) -> tuple[sql.Composable, dict[str, object]]:
    """ " AND passage_id IN (…)" with its values; nothing where all articles may be found."""
    wanted = filters.model_dump(exclude_defaults=True)
    if not wanted:
        return sql.SQL(""), {}
    conditions = sql.SQL(" AND ").join(sql.SQL(CONDITIONS[name]) for name in wanted)
    chosen = sql.SQL(
        " AND passage_id IN (SELECT passage_id FROM passages JOIN articles USING (article_id) "
        "WHERE {})"
    ).format(conditions)
    return chosen, {name: _comparable(name, value) for name, value in wanted.items()}


def _comparable(name: str, value: object) -> object:
    if not isinstance(value, tuple):
        return value
    return list(value) if name == "corpora" else [str(v).lower() for v in value]
