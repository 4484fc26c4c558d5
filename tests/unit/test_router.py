"""The router on the offline encoder it is used with."""

import pytest

from agent.router import Router, Situation, clauses
from tools.embedders import load_text_encoder

IMAGE = Situation(has_image=True)
NO_IMAGE = Situation()
AFTER_DESCRIBING = Situation(has_image=True, last_tools=("describe_image",))
AFTER_READING = Situation(last_tools=("literature_search",))
D, S, L = "describe_image", "image_search", "literature_search"


@pytest.fixture(scope="module")
def router() -> Router:
    return Router(load_text_encoder("minilm"))


@pytest.mark.parametrize(
    "question, situation, tools",
    [
        ("What cell is this, what do similar cases show, and what does the literature say about"
         " its nucleus?", IMAGE, (D, S, L)),
        ("What cell is this?", IMAGE, (D,)),
        ("Does the chromatin look dense?", IMAGE, (D,)),
        ("Which cases in the library look like this one?", IMAGE, (S,)),
        ("Describe it and find papers about it", IMAGE, (D, L)),
        ("What causes toxic granulation in neutrophils?", NO_IMAGE, (L,)),
        ("Do preoperative statins reduce atrial fibrillation?", NO_IMAGE, (L,)),
        ("any papers on that?", AFTER_DESCRIBING, (L,)),
        ("and similar ones?", AFTER_DESCRIBING, (S,)),
        ("what about its nucleus?", AFTER_DESCRIBING, (D,)),
        ("What about eosinophils?", AFTER_READING, (L,)),
        ("", IMAGE, (D, S)),
    ],
)  # fmt: skip
def test_a_question_goes_to_the_tools_it_asks_for(router, question, situation, tools):
    assert router.route(question, situation).tools == tools


@pytest.mark.parametrize(
    "question", ["What's the weather?", "Tell me a joke", "Who won the match?", "hello"]
)
def test_what_is_not_about_cells_or_medicine_is_out_of_scope(router, question):
    assert router.route(question, IMAGE).outcome == "out_of_scope"


def test_a_question_about_an_image_that_is_not_there_needs_one(router):
    assert router.route("What cell is this?", NO_IMAGE).outcome == "needs_image"


def test_without_an_image_the_literature_is_still_searched(router):
    plan = router.route("What cell is this, and any papers on neutrophils?", NO_IMAGE)
    assert (plan.tools, plan.unmet) == ((L,), (D,))


def test_the_same_question_gets_the_same_plan_with_its_reason(router):
    plan = router.route("What is a monocyte?", IMAGE)
    assert plan == router.route("What is a monocyte?", IMAGE)
    assert plan.decided_by == "embedding" and 0 < plan.confidence < 1


def test_each_tool_gets_its_own_words(router):
    question = "What cell is this, and what does the literature say about its nucleus?"
    assert router.words_for(L, question, IMAGE) == "what does the literature say about its nucleus"
    assert router.words_for(D, question, IMAGE) == "What cell is this"


def test_a_list_of_things_is_not_cut_into_clauses():
    assert clauses("Compare neutrophils, monocytes and basophils") == [
        "Compare neutrophils, monocytes and basophils"
    ]
