"""`cytoscribe eval abstention` on a small collection and a real library."""

import json

import pytest
from agent_fakes import WordEncoder

from eval.abstention.asked import Corpus, of_beir, of_pubmedqa
from eval.abstention.measuring import figures, fill, search
from eval.abstention.train import pairs, train
from tools.support import FEATURES, Support

pytestmark = pytest.mark.db
TEXTS = [
    "Neutrophil nuclei have three lobes in healthy adults.",
    "Kidney shaped nuclei of monocytes stain pale.",
    "Platelets clot blood within minutes of an injury.",
]
ASKED = {"q0": "how many lobes have neutrophil nuclei in adults", "q1": "do platelets clot blood"}


@pytest.fixture
def folder(tmp_path):
    """Three documents, two questions; the first and the last document answer them."""
    rows = [{"_id": f"d{n}", "title": "", "text": text} for n, text in enumerate(TEXTS)]
    write(tmp_path / "corpus.jsonl", rows)
    write(tmp_path / "queries.jsonl", [{"_id": q, "text": text} for q, text in ASKED.items()])
    (tmp_path / "qrels").mkdir()
    judged = "query-id\tcorpus-id\tscore\nq0\td0\t1\nq1\td2\t1\n"
    (tmp_path / "qrels" / "test.tsv").write_text(judged)
    return tmp_path


def write(path, rows):
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))


def test_a_question_without_its_articles_finds_others_only(folder, store):
    questions, encoder = of_beir(folder, None, None), WordEncoder()
    assert fill([questions.corpus], store, encoder) == 0
    support = Support.shipped(store, encoder)
    found = list(search(questions.asked, store, encoder, support))
    assert [f.answerable for f in found] == [True, False, True, False]
    for there, gone in zip(found[::2], found[1::2], strict=True):
        answers = there.question.answers
        assert there.evidence[0].source_id in answers and there.score > gone.score
        assert answers.isdisjoint(e.source_id for e in gone.evidence) and gone.evidence


def test_the_figures_tell_both_rates_and_the_curve(folder, store):
    questions, encoder = of_beir(folder, None, None), WordEncoder()
    fill([questions.corpus], store, encoder)
    told = figures(list(search(questions.asked, store, encoder, Support.shipped(store, encoder))))
    assert (told["answerable"], told["unanswerable"]) == (2, 2)
    assert told["abstains_when_unanswerable"] == 1.0 and told["found_when_answerable"] == 1.0
    assert told["aurc"] == told["aurc_best"]  # all that can be answered comes first
    assert told["risk_coverage"][-1] == [1.0, 0.5]
    json.dumps(told)


def test_rarity_is_highest_for_what_no_passage_says(folder, store):
    fill([Corpus(folder / "corpus.jsonl", "beir", "small")], store, WordEncoder())
    rarity = store.rarity("nuclei of neutrophils and basophils")
    assert rarity["basophil"] == 1.0 > rarity["neutrophil"] > rarity["nuclei"] > 0
    assert store.stems(["The nuclei, stained", ""]) == [{"nuclei", "stain"}, frozenset()]


def test_a_head_learns_from_what_is_found_with_and_without(folder, store):
    questions, encoder = of_beir(folder, None, None), WordEncoder()
    fill([questions.corpus], store, encoder)
    rows = list(pairs(questions.asked, store, encoder))
    assert [(there.shape, gone.shape[1]) for there, gone in rows] == [((1, 5), len(FEATURES))] * 2
    head = train(rows)
    assert all(head.probabilities(there)[0, 1] > 0.5 > head.probabilities(gone)[0, 1]
               for there, gone in rows)  # fmt: skip


def test_of_pubmedqa_the_listed_questions_or_the_others_are_asked(tmp_path):
    entry = {"QUESTION": "Is it?", "CONTEXTS": ["It is."], "LABELS": ["RESULTS"]}
    data, ids = tmp_path / "ori.json", tmp_path / "ids.json"
    data.write_text(json.dumps({"1": entry, "2": entry}))
    ids.write_text(json.dumps({"2": "yes"}))
    listed, rest = of_pubmedqa(data, ids), of_pubmedqa(data, ids, others=True)
    assert [sorted(q.answers) for q in (*listed.asked, *rest.asked)] == [["pmid:2"], ["pmid:1"]]
