"""`cytoscribe eval rag` on real turns: real database, encoder and router, RAGAS without a judge."""

import json
from collections.abc import Iterator
from importlib.util import find_spec
from pathlib import Path

import pytest
from agent_fakes import SureModel, png
from click.testing import CliRunner

from agent.assistant import Assistant
from agent.settings import Settings
from eval.commands.rag import rag
from eval.rag.folder import Folder
from eval.rag.rows import read_rows
from eval.rag.run import Runner, run_of
from eval.rag.summary import summary
from tools.embedders import load_text_encoder
from tools.errors import BadInputError
from tools.library import Article, Passage

pytestmark = [
    pytest.mark.db,
    pytest.mark.skipif(find_spec("ragas") is None, reason="needs the extra eval (ragas)"),
]
SAID = "The neutrophil nucleus has three lobes."
ROWS = [
    {"id": "found", "question": "What is known about the neutrophil nucleus?",
     "reference_answer": SAID, "reference_ids": ["pmid:1"],
     "reference_tools": ["literature_search"]},
    {"id": "seen", "question": "What cell is this?", "image": "cell.png",
     "reference_answer": "A neutrophil.", "reference_tools": ["describe_image"]},
    {"id": "out", "question": "Tell me a joke.", "reference_answer": "That is something else.",
     "abstain": True},
]  # fmt: skip


@pytest.fixture
def dataset(tmp_path) -> Path:
    (tmp_path / "cell.png").write_bytes(png())
    file = tmp_path / "rows.jsonl"
    file.write_text("".join(json.dumps(row) + "\n" for row in ROWS))
    return file


@pytest.fixture
def library(store):
    """One article, and the encoder that embedded it."""
    encoder = load_text_encoder("minilm")
    store.add_articles([Article(source_id="pmid:1", pmid="1", title="Lobes", corpus="test",
                                passages=(Passage(section="abstract", text=SAID),))])  # fmt: skip
    ids, texts = zip(*store.passages_without_embedding(encoder.name, 10), strict=True)
    store.add_passage_embeddings(encoder.name, ids, encoder.encode_passages(texts))
    return store, encoder


@pytest.fixture
def assistant(library, tmp_path) -> Iterator[Assistant]:
    settings = Settings(data_dir=tmp_path / "data", starter_library=False, _env_file=None)
    with Assistant(settings, library[0], SureModel(), library[1]) as assistant:
        yield assistant


def test_real_turns_are_measured_and_kept(assistant, dataset, tmp_path):
    rows, folder = read_rows(dataset), Folder(tmp_path / "run")
    before = folder.open(run_of(dataset, rows, assistant, None))
    steps: list[int] = []
    runner = Runner(assistant, tmp_path, folder, None)
    done = runner.run(rows, before, steps.append)
    told = summary(folder.run(), done, runner.references.missing(rows))
    assert sum(steps) == 3
    assert (told["grounded"], told["abstained"], told["failed"]) == (2, 1, 0)
    assert told["tool_call_accuracy"] == told["abstention"] == 1.0
    assert told["id_context_recall"] == told["cited_recall"] == told["text_context_recall"] == 1.0
    assert told["quoted_spans"] == 1.0
    assert told["missing_references"] == []
    session = assistant.store.sessions(5)[0][0]
    assert session.startswith("eval-rag-")


def test_a_run_is_gone_on_with(assistant, dataset, tmp_path):
    rows, folder = read_rows(dataset), Folder(tmp_path / "run")
    run = run_of(dataset, rows, assistant, None)
    runner = Runner(assistant, tmp_path, folder, None)
    folder.open(run)

    def stop(steps: int) -> None:
        if steps:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        runner.run(rows, [], stop)
    before = folder.open(run)
    assert [one.answered.id for one in before] == ["found"]
    done = runner.run(rows, before, lambda _: None)
    assert [one.answered.id for one in done] == ["found", "seen", "out"]
    assert done[0] == before[0]


def test_an_article_that_is_not_there_is_told(assistant, tmp_path):
    file = tmp_path / "rows.jsonl"
    file.write_text(json.dumps(ROWS[0] | {"reference_ids": ["pmid:1", "pmid:404"]}))
    references = Runner(assistant, tmp_path, Folder(tmp_path / "run"), None).references
    assert references.missing(read_rows(file)) == ["pmid:404"]


@pytest.mark.slow
def test_the_command_writes_its_files_and_compares(
    database_url, library, dataset, tiny_paligemma_dir, tmp_path, monkeypatch
):
    options = {"DATABASE_URL": database_url, "MODEL": tiny_paligemma_dir,
               "DATA_DIR": tmp_path / "data", "STARTER_LIBRARY": "false"}  # fmt: skip
    for name, value in options.items():
        monkeypatch.setenv(f"CYTOSCRIBE_{name}", str(value))
    command = ["--dataset", str(dataset), "--json", "--out"]
    first = CliRunner().invoke(rag, [*command, str(tmp_path / "a")], catch_exceptions=False)
    assert first.exit_code == 0
    told = json.loads(first.stdout)
    assert told == json.loads((tmp_path / "a" / "summary.json").read_text())
    assert "| abstention |" in (tmp_path / "a" / "summary.md").read_text()
    assert len((tmp_path / "a" / "rows.jsonl").read_text().splitlines()) == 3
    again = [*command, str(tmp_path / "b"), "--against", str(tmp_path / "a")]
    second = CliRunner().invoke(rag, again, catch_exceptions=False)
    differences = json.loads(second.stdout)["against"]["differences"]
    assert differences["id_context_recall"]["difference"] == 0.0
    assert (tmp_path / "b" / "comparison.md").is_file()
    with pytest.raises(BadInputError, match="another rows, dataset_digest"):
        other = ["--limit", "1", *command, str(tmp_path / "a")]
        CliRunner().invoke(rag, other, catch_exceptions=False)
