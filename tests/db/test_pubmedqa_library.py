"""`cytoscribe eval pubmedqa --read library` on a real library."""

import json

import pubmedqa_files
import pytest
from click.testing import CliRunner

from eval.commands.group import eval_group
from tools.embedders import load_text_encoder
from tools.ingest.literature import ingest_literature
from tools.store import Store

pytestmark = pytest.mark.db


def test_the_library_gives_back_the_abstract_and_is_asked_for_each_question(
    tmp_path, database_url, monkeypatch
):
    data, ids = pubmedqa_files.write(tmp_path, tested=3)
    with Store(database_url) as store:
        ingest_literature(data, store=store, encoder=load_text_encoder("minilm"))
    monkeypatch.setenv("CYTOSCRIBE_DATABASE_URL", database_url)
    given = ["--data", str(data), "--ids", str(ids), "--out", str(tmp_path / "said.json")]
    done = CliRunner().invoke(eval_group, ["pubmedqa", *given, "--read", "library", "--json"])
    assert done.exit_code == 0, done.output
    told = json.loads(done.stdout)
    assert told["read"] == "library"
    assert told["own_abstract_found"] == pytest.approx(1 / 3)  # three abstracts on one topic
