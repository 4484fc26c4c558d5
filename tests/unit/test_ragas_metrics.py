"""RAGAS's metrics on turns whose figures are known by hand, and a judge over HTTP."""

from dataclasses import replace
from importlib.util import find_spec
from pathlib import Path

import pytest
from agent_fakes import WordEncoder, png
from fake_judge import fake_judge

from agent.settings import Settings
from eval.rag.judge import OpenAIJudge, open_judge, read_judged
from eval.rag.verdicts import Verdict, agreement, read_verdicts
from eval.ragas_metrics import Metrics, Sample
from eval.watching import watch
from tools.errors import RemoteServiceError

pytestmark = [
    pytest.mark.skipif(find_spec("ragas") is None, reason="needs the extra eval (ragas)"),
    # langchain, imported by RAGAS, and instructor
    pytest.mark.filterwarnings("ignore::DeprecationWarning", "ignore::PendingDeprecationWarning"),
]
SAMPLE = Sample(
    question="What is a neutrophil?",
    answer="A neutrophil is a leukocyte.",
    claims='PMID 1: "a neutrophil is a leukocyte".',
    contexts=("A neutrophil is a leukocyte of the blood.",),
    passages=("A neutrophil is a leukocyte of the blood.", "Something else entirely, in French."),
    article_ids=("pmid:1", "pmid:2"),
    cited_article_ids=("pmid:1",),
    case_ids=("img-1", "img-2", "img-3", "img-4"),
    tools=("literature_search", "describe_image"),
    reference_answer="A neutrophil is a leukocyte.",
    reference_article_ids=("pmid:1", "pmid:3"),
    reference_case_ids=("img-1", "img-9"),
    reference_passages=("A neutrophil is a leukocyte of the blood.",),
    reference_tools=("describe_image", "literature_search"),
)


@pytest.fixture(scope="module")
def metrics() -> Metrics:
    return Metrics(WordEncoder())


def judge_of(url: str, **options: bool) -> OpenAIJudge:
    settings = Settings(judge_model="judge", judge_url=url, _env_file=None, **options)
    judge = open_judge(settings, WordEncoder())
    assert judge is not None
    return judge


def test_ids_count_what_was_retrieved_and_what_was_cited(metrics):
    scores = metrics.scores(SAMPLE)
    assert scores["id_context_precision"] == scores["id_context_recall"] == 0.5
    assert (scores["cited_precision"], scores["cited_recall"]) == (1.0, 0.5)
    assert scores["case_precision"] == 0.25


def test_texts_count_without_ids(metrics):
    scores = metrics.scores(SAMPLE)
    assert scores["text_context_precision"] == pytest.approx(1.0)
    assert scores["text_context_recall"] == 1.0


def test_tools_count_in_any_order(metrics):
    scores = metrics.scores(SAMPLE)
    assert scores["tool_call_accuracy"] == scores["tool_call_f1"] == 1.0
    missed = metrics.scores(replace(SAMPLE, tools=("describe_image",)))
    assert (missed["tool_call_accuracy"], missed["tool_call_f1"]) == (0.0, 0.6667)


def test_where_no_tool_is_wanted_none_is_right_and_any_is_wrong(metrics):
    none = replace(SAMPLE, reference_tools=())
    assert metrics.scores(replace(none, tools=()))["tool_call_accuracy"] == 1.0
    assert metrics.scores(replace(none, tools=()))["tool_call_f1"] is None
    assert metrics.scores(none)["tool_call_accuracy"] == 0.0


def test_the_same_words_are_alike_and_others_are_less(metrics):
    same, other = metrics.scores(SAMPLE), metrics.scores(replace(SAMPLE, answer="Something else."))
    for name in ("semantic_similarity", "rouge_l", "chrf"):
        assert same[name] == pytest.approx(1.0, abs=1e-3)
        assert other[name] < 0.5


def test_a_quotation_must_stand_in_the_evidence(metrics):
    invented = replace(SAMPLE, claims='PMID 1: "a neutrophil is a red cell".')
    assert metrics.scores(SAMPLE)["quoted_spans"] == 1.0
    assert metrics.scores(invented)["quoted_spans"] == 0.0


def test_apostrophes_are_no_quotation_marks(metrics):
    plain = replace(SAMPLE, claims="Hodgkin's disease is seen in the patients' lymph nodes.")
    assert metrics.scores(plain)["quoted_spans"] is None


def test_what_has_no_reference_is_not_measured(metrics):
    scores = metrics.scores(
        replace(SAMPLE, reference_article_ids=(), reference_case_ids=(), reference_passages=())
    )
    assert scores["id_context_precision"] is scores["id_context_recall"] is None
    assert scores["case_precision"] is scores["text_context_recall"] is None


def test_nothing_retrieved_is_no_precision_and_a_recall_of_zero(metrics):
    scores = metrics.scores(replace(SAMPLE, article_ids=(), cited_article_ids=(), passages=()))
    assert scores["id_context_precision"] is scores["text_context_precision"] is None
    assert scores["id_context_recall"] == scores["text_context_recall"] == 0.0


def test_a_judge_that_says_yes_gives_scores():
    with fake_judge() as server, judge_of(server.url) as judge:
        scores, unreadable = judge.scores(SAMPLE, None)
    assert scores["faithfulness"] == 1.0
    assert scores["answer_relevancy"] == pytest.approx(1.0, abs=1e-3)
    assert scores["image_faithfulness"] is None
    assert unreadable == ()


def test_an_image_is_shown_to_the_judge_only_where_the_settings_say_so():
    with fake_judge() as server, judge_of(server.url) as judge:
        judge.scores(SAMPLE, png())
        assert "data:image" not in str(server.asked)
    with fake_judge() as server, judge_of(server.url, judge_images=True) as judge:
        scores, _ = judge.scores(SAMPLE, png())
        assert "data:image/png;base64," in str(server.asked)
    assert scores["image_faithfulness"] == scores["image_relevance"] == 1.0


def test_an_answer_without_claims_is_not_judged():
    with fake_judge() as server, judge_of(server.url) as judge:
        before = len(server.asked)
        scores, unreadable = judge.scores(replace(SAMPLE, claims=""), None)
        assert len(server.asked) == before
    assert set(scores.values()) == {None}
    assert unreadable == ()


def test_garbage_is_counted_and_not_guessed():
    with fake_judge() as server, judge_of(server.url) as judge:
        server.mode = "garbage"
        scores, unreadable = judge.scores(SAMPLE, None)
    assert scores["faithfulness"] is scores["answer_relevancy"] is None
    assert unreadable == ("faithfulness", "answer_relevancy")


def test_a_judge_that_refuses_is_named_before_any_work():
    with (
        fake_judge("refuse") as server,
        pytest.raises(RemoteServiceError, match=r"the judge judge at http.*CYTOSCRIBE_JUDGE_URL"),
    ):
        judge_of(server.url)


def test_a_judge_that_refuses_in_between_ends_the_run():
    with fake_judge() as server, judge_of(server.url) as judge:
        server.mode = "refuse"
        with pytest.raises(RemoteServiceError, match="did not answer"):
            judge.scores(SAMPLE, None)


def test_a_server_that_is_not_there_is_told():
    with pytest.raises(RemoteServiceError, match=r"127\.0\.0\.1:9/v1"):
        judge_of("http://127.0.0.1:9/v1")


def test_agreement_with_the_reference_verdicts_is_measured_once(tmp_path: Path, monkeypatch):
    few = read_verdicts()[:3]  # right, changed, to another question
    monkeypatch.setattr("eval.rag.judge.read_verdicts", lambda: few)
    with fake_judge() as server, judge_of(server.url) as judge:
        judge.check(tmp_path, watch)
        asked = len(server.asked)
        judge.check(tmp_path, watch)
        assert len(server.asked) == asked
    told = agreement(read_judged(tmp_path / "judge.jsonl"), few, ["faithfulness"])
    assert told["judge_agreement_faithfulness"] == pytest.approx(2 / 3)  # it says yes to all
    assert told["judge_kappa_faithfulness"] == 0.0
    assert told["measured_on"] == {"judge_agreement_faithfulness": 3}


def test_the_reference_verdicts_hold_as_many_ways_to_be_wrong():
    verdicts: tuple[Verdict, ...] = read_verdicts()
    assert sum(v.faithful for v in verdicts) == sum(v.relevant for v in verdicts) == 28
    assert len({v.id for v in verdicts}) == len(verdicts) == 42
