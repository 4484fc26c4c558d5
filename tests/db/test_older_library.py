"""A library from before BM25 and active encoders is searched like a new one after migrating."""

from importlib.resources import files
from pathlib import Path

import psycopg
import pytest

from tools.store import Store, migrate

pytestmark = pytest.mark.db
BEFORE = 5  # the last migration without an inverted index


def older(folder: Path) -> Path:
    for file in files("migrations").iterdir():
        if file.name.endswith(".sql") and int(file.name[:4]) <= BEFORE:
            (folder / file.name).write_text(file.read_text("utf-8"))
    return folder


def test_passages_and_vectors_that_are_there_are_taken_over(empty_database_url, tmp_path):
    migrate(empty_database_url, older(tmp_path))
    with psycopg.connect(empty_database_url) as connection:
        connection.execute(
            "INSERT INTO articles (source_id, title, mesh_terms, publication_types, retracted, "
            "corpus) VALUES ('pmid:1', 'Basophils', '{}', '{}', false, 'made')"
        )
        connection.execute(
            "INSERT INTO passages (article_id, position, section, passage, quoted, lexemes) "
            "SELECT article_id, 0, 'abstract', 'They are rare.', true, '' FROM articles"
        )
        connection.execute(
            "INSERT INTO embedding_models (kind, name, dimension) "
            "VALUES ('text', 'minilm@1', 2), ('image', 'lite@1', 2)"
        )
    migrate(empty_database_url)
    with Store(empty_database_url) as store:
        assert len(store.lexical_passages("rare basophils", 5)) == 1
        assert store.active_encoder() == "minilm@1"
