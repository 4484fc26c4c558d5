"""A run of `eval rag` as an experiment in Langfuse, against a recorder of its protocol."""

import json

import pytest
from langfuse_recorder import Recorder, langfuse_recorder

from agent.settings import Settings
from eval.experiments import send
from eval.rag.answered import Answered
from eval.rag.folder import Done, Run
from eval.rag.rows import Row

RUN = Run(dataset="rows.jsonl", rows=2, dataset_digest="abc", settings_hash="s", model="m",
          text_model=None, judge=None)  # fmt: skip
ROWS = [
    Row(id="1", question="What is a neutrophil?", reference_answer="A leukocyte."),
    Row(id="2", question="Tell me a joke.", reference_answer="No.", abstain=True),
]


def done(row: Row, **scores: float | None) -> Done:
    answered = Answered(
        id=row.id, kind="literature", question=row.question, answer=f"answer {row.id}", claims="",
        status="grounded", tools=(), article_ids=(), cited_article_ids=(), case_ids=(), passages=(),
        contexts=(), image_id=None, seconds=2.0, trace_id=row.id * 32,
    )  # fmt: skip
    return Done(answered=answered, scores=scores)


DONE = [done(ROWS[0], chrf=0.25, faithfulness=None), done(ROWS[1], chrf=0.75)]


def sent(url: str) -> str:
    settings = Settings(
        langfuse_public_key=f"pk-{url}", langfuse_secret_key="sk", langfuse_base_url=url,
        _env_file=None,
    )  # fmt: skip
    return send(settings, RUN, ROWS, DONE, "today")


@pytest.fixture(scope="module")
def recorded() -> Recorder:
    with langfuse_recorder() as recorder:
        told = sent(recorder.url)
        assert (
            told == "Langfuse has the run 'today' of the data set 'cytoscribe-rag-abc' (2 items)."
        )
    return recorder


def test_rows_become_items_with_ids_of_their_own(recorded):
    assert [item["id"] for item in recorded.items] == [
        "cytoscribe-rag-abc-1",
        "cytoscribe-rag-abc-2",
    ]
    assert recorded.items[0]["input"] == {"question": "What is a neutrophil?", "image": None}
    assert recorded.items[1]["expectedOutput"]["abstain"] is True
    assert recorded.items[0]["metadata"]["trace"] == "1" * 32


def test_answers_are_the_outputs_of_the_run(recorded):
    said = json.dumps([span["attributes"] for span in recorded.spans])
    assert "answer 1" in said
    assert "answer 2" in said
    assert "cytoscribe-rag-abc" in said


def test_scores_are_those_of_each_row_and_their_means(recorded):
    told = sorted((s["name"], s["value"]) for s in recorded.scores)
    assert told == [
        ("chrf", 0.25), ("chrf", 0.75), ("mean_chrf", 0.5), ("mean_seconds", 2.0),
        ("seconds", 2.0), ("seconds", 2.0),
    ]  # fmt: skip


def test_a_server_that_fails_or_is_not_there_is_told_and_nothing_is_raised():
    with langfuse_recorder("fail") as recorder:
        assert "did not take the run" in sent(recorder.url)
    assert "http://127.0.0.1:9 did not take the run" in sent("http://127.0.0.1:9")
