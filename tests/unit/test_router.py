"""The router on the offline encoder it is used with."""

import pytest
from agent_fakes import WordEncoder
from chat_server import ChatServer

from agent.build import open_router
from agent.llm_router import LLMRouter
from agent.router import INTENTS, SHIPPED, Router, by_rule, clauses, fragments
from agent.routing_features import Situation, features
from agent.routing_lexicon import concept, plain
from agent.settings import Settings
from tools.embedders import load_text_encoder
from tools.errors import BadInputError
from tools.protocols import TextEncoder

IMAGE = Situation(has_image=True)
NO_IMAGE = Situation()
AFTER_DESCRIBING = Situation(has_image=True, last_tools=("describe_image",))
AFTER_READING = Situation(last_tools=("literature_search",))
D, S, L = "describe_image", "image_search", "literature_search"


@pytest.fixture(scope="module")
def encoder() -> TextEncoder:
    return load_text_encoder("minilm")


@pytest.fixture(scope="module")
def router(encoder) -> Router:
    return Router(encoder)


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
        ("Was für eine Zelle sehe ich da?", IMAGE, (D,)),
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
    assert router.route("", NO_IMAGE).outcome == "needs_image"


def test_cases_are_shown_without_an_image_where_the_question_names_them(router):
    shown = router.route("Show me eosinophils", NO_IMAGE)
    assert (shown.outcome, shown.tools, shown.decided_by) == ("tools", (S,), "rules")
    both = router.route("Show me eosinophils and find papers about eosinophilia", NO_IMAGE)
    assert both.tools == (S, L)
    assert router.route("Show me similar cells", NO_IMAGE).outcome == "needs_image"


def test_without_an_image_the_literature_is_still_searched(router):
    plan = router.route("What cell is this, and any papers on neutrophils?", NO_IMAGE)
    assert (plan.tools, plan.unmet) == ((L,), (D,))


def test_the_same_question_gets_the_same_plan_with_its_reason(router):
    plan = router.route("What is a monocyte?", IMAGE)
    assert plan == router.route("What is a monocyte?", IMAGE)
    assert plan.decided_by == "head" and 0 < plan.confidence < 1


def test_key_words_alone_are_decided_by_rule(router):
    assert router.route("Any papers on that?", IMAGE).decided_by == "rules"
    assert by_rule("What cell is this?", IMAGE) and not by_rule("What cell phone is this?", IMAGE)
    assert by_rule("What about its nucleus?", IMAGE)
    assert not by_rule("What about its nucleus?", AFTER_READING)


def test_each_tool_gets_its_own_words(router):
    question = "What cell is this, and what does the literature say about its nucleus?"
    assert router.words_for(L, question, IMAGE) == "what does the literature say about its nucleus"
    assert router.words_for(D, question, IMAGE) == "What cell is this"


def test_an_encoder_the_head_was_not_trained_with_is_not_used(router):
    other = Router(WordEncoder())
    question = "What is a monocyte?"
    assert other.route(question, IMAGE) == router.route(question, IMAGE)


def test_a_list_of_things_is_not_cut_into_clauses():
    assert clauses("Compare neutrophils, monocytes and basophils") == [
        "Compare neutrophils, monocytes and basophils"
    ]


def test_a_list_of_wishes_is_cut_into_its_parts():
    assert fragments("Name, matches and refs!") == ["Name", "matches", "refs"]


@pytest.mark.parametrize(
    "word, meant",
    [("Célula", "cell"), ("nuetrophil", "cell"), ("papers", "papers"), ("xyzzy", None),
     ("studies", "literature"), ("ähnliche", "similar"), ("simlar", "similar")],
)  # fmt: skip
def test_words_are_known_in_several_languages_and_spellings(word, meant):
    assert concept(plain(word)) == meant


def test_features_have_the_width_of_the_shipped_head(encoder, router):
    assert features(["What is it?"], [IMAGE], encoder).shape[1] == len(router._head.weights)
    assert router._head.labels == INTENTS and SHIPPED.stat().st_size < 300_000


# a text model in its place


def calling(*names: str) -> dict[str, object]:
    calls = [
        {"id": name, "type": "function", "function": {"name": name, "arguments": "{}"}}
        for name in names
    ]
    return {"content": None, "tool_calls": calls}


@pytest.mark.parametrize(
    "called, situation, outcome, tools",
    [
        ((L, D, "rm_rf"), IMAGE, "tools", (D, L)),
        ((D,), NO_IMAGE, "needs_image", ()),
        (("out_of_scope",), IMAGE, "out_of_scope", ()),
    ],
)
def test_a_text_model_plans_by_calling_functions(called, situation, outcome, tools, router):
    with ChatServer(lambda request: calling(*called)) as server:
        plan = LLMRouter("any", server.url, None, router).route("?", situation)
    assert (plan.outcome, plan.tools, plan.decided_by) == (outcome, tools, "any")


@pytest.mark.parametrize("reply", [None, "I would describe it."])
def test_where_the_text_model_fails_or_calls_nothing_the_head_plans(reply, router):
    with ChatServer(lambda request: reply) as server:
        planner = LLMRouter("any", server.url, None, router)
        assert planner.route("Is it round?", IMAGE) == router.route("Is it round?", IMAGE)


def test_the_text_model_is_told_what_the_session_knows(router):
    asked: list[str] = []

    def reply(request):
        asked.append(request["messages"][0]["content"])
        return calling(L)

    situation = Situation(True, (D,), ("What cell is this?",))
    with ChatServer(reply) as server:
        LLMRouter("any", server.url, None, router).route("any papers?", situation)
    assert "There is an image" in asked[0] and "- What cell is this?" in asked[0]


def test_the_setting_says_who_plans(encoder):
    assert isinstance(open_router(Settings(_env_file=None), encoder), Router)
    named = Settings(_env_file=None, router="text-model", text_model="any")
    assert isinstance(open_router(named, encoder), LLMRouter)
    with pytest.raises(BadInputError, match="CYTOSCRIBE_TEXT_MODEL"):
        open_router(Settings(_env_file=None, router="text-model", text_model=None), encoder)
