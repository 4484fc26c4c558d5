"""CellAgent as LlamaIndex runs it: alone, in an AgentWorkflow, with failing tools."""

from dataclasses import dataclass
from importlib.util import module_from_spec, spec_from_file_location
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
from agent_fakes import CASES, PASSAGES, ListLibrary, SureModel, WordEncoder, png
from llama_index.core.agent.workflow import (
    AgentOutput,
    AgentStream,
    AgentWorkflow,
    ToolCall,
    ToolCallResult,
)
from llama_index.core.llms import ChatMessage, ImageBlock, MockLLM, TextBlock

from agent.agent import CellAgent, PlanReady, read
from agent.lookup import refers
from agent.router import Router
from agent.settings import Settings
from agent.synthesis import Synthesis
from agent.toolbox import Toolbox
from agent.turn import ToolResult
from tools.errors import ModelUnavailableError, StoreUnavailableError
from tools.image_features import FeatureCache
from tools.images import ImageFolder
from tools.protocols import Familiarity

THREE = "What cell is this, what do similar cases show, and what does the literature say about its nucleus?"  # noqa: E501


@dataclass
class Kit:
    agent: CellAgent
    model: SureModel
    library: ListLibrary
    images: ImageFolder

    async def run(self, workflow: Any, question: str = THREE) -> tuple[list[Any], AgentOutput]:
        blocks = [ImageBlock(image=png()), TextBlock(text=question)]
        handler = workflow.run(user_msg=ChatMessage(role="user", blocks=blocks))
        events = [event async for event in handler.stream_events()]
        return events, await handler


@pytest.fixture
def kit(tmp_path) -> Kit:
    images = ImageFolder(tmp_path, max_pixels=10**6, max_bytes=10**6)
    model, library, encoder = SureModel(), ListLibrary(list(CASES), list(PASSAGES)), WordEncoder()
    features = FeatureCache(model, images)
    toolbox = Toolbox(Settings(_env_file=None), library, model, lambda: encoder, features)
    agent = CellAgent(
        name="cells", description="Cells.", llm=MockLLM(), tools=toolbox.tools(),
        router=Router(encoder), synthesis=Synthesis(encoder), images=images,
    )  # fmt: skip
    return Kit(agent, model, library, images)


def of(kind: type, events: list[Any]) -> list[Any]:
    return [event for event in events if isinstance(event, kind)]


async def test_a_turn_plans_calls_the_tools_and_streams_the_answer(kit):
    events, output = await kit.run(kit.agent)
    plan = of(PlanReady, events)[0].plan
    assert [call.tool_name for call in of(ToolCall, events)] == list(plan.tools)
    assert len(of(ToolCallResult, events)) == 3
    assert "".join(event.delta for event in of(AgentStream, events)) == str(output)
    assert output.raw.status == "grounded" and "neutrophil" in str(output)


async def test_it_runs_inside_an_agent_workflow(kit):
    _, alone = await kit.run(kit.agent)
    _, inside = await kit.run(AgentWorkflow(agents=[kit.agent]))
    assert str(inside) == str(alone)
    assert [call.tool_name for call in inside.tool_calls][-1] == "literature_search"


async def test_tool_arguments_are_json_with_image_ids(kit):
    events, _ = await kit.run(kit.agent)
    for call in of(ToolCall, events):
        assert all(
            isinstance(value, str) and len(value) < 200 for value in call.tool_kwargs.values()
        )
    assert of(ToolCall, events)[0].tool_kwargs["image_id"].startswith("img-")


async def test_one_vision_pass_serves_description_and_search(kit):
    await kit.run(kit.agent)
    await kit.run(kit.agent, "What cell is this?")
    assert kit.model.looks == 1


async def test_literature_on_its_nucleus_waits_for_what_it_is(kit):
    await kit.run(kit.agent)
    assert kit.library.queries == ["neutrophil multilobed nucleus"]


async def test_papers_on_what_is_seen_are_looked_up_after_a_look_that_nobody_planned(kit):
    events, output = await kit.run(kit.agent, "any papers on that?")
    assert of(PlanReady, events)[0].plan.tools == ("literature_search",)
    called = [call.tool_name for call in of(ToolCall, events)]
    assert called == ["describe_image", "literature_search"]
    assert kit.library.queries == ["neutrophil"] and "sees a neutrophil" in str(output)


@pytest.mark.parametrize(
    "words",
    ["Gibt es dazu Literatur?", "¿Hay estudios sobre eso?", "Des publications là-dessus ?",
     "Ci sono studi su questo?", "Há publicações sobre isso?", "any papers on that?"],
)  # fmt: skip
def test_asking_for_papers_on_what_is_seen_is_no_query_in_any_language(words):
    assert refers(words)


@pytest.mark.parametrize(
    "words", ["Gibt es Studien zu Mastzellen?", "¿Qué causa la eosinofilia?", "papers on blasts"]
)
def test_words_with_a_subject_of_their_own_are_a_query(words):
    assert not refers(words)


async def test_what_an_earlier_turn_saw_is_not_looked_at_again(kit):
    _, before = await kit.run(kit.agent, "What cell is this?")
    image = ChatMessage(role="user", blocks=[ImageBlock(image=png())])
    history = [image, before.response]
    handler = kit.agent.run(user_msg="any papers on that?", chat_history=history)
    events = [event async for event in handler.stream_events()]
    assert [call.tool_name for call in of(ToolCall, events)] == ["literature_search"]
    assert kit.library.queries == ["neutrophil"]


async def test_a_turn_ends_after_the_set_number_of_steps_and_says_what_is_missing(kit):
    kit.agent.max_steps = 1
    events, output = await kit.run(kit.agent)
    assert {call.tool_name for call in of(ToolCall, events)} == {"describe_image", "image_search"}
    assert "could not be searched: the 1 steps of a turn were used up" in str(output)


async def test_a_question_about_one_cell_of_a_field_asks_to_mark_it(kit):
    kit.model.seen = {"subject": "blood smear field"}
    _, output = await kit.run(kit.agent, "What cell is this?")
    assert "mark one cell" in str(output)
    _, output = await kit.run(kit.agent, "How many cells are there?")
    assert "mark one cell" not in str(output)


async def test_an_unreachable_database_is_a_gap_and_the_image_is_still_described(kit):
    kit.library.fails = StoreUnavailableError("connection refused")
    events, output = await kit.run(kit.agent)
    results: list[ToolResult] = [e.tool_output.raw_output for e in of(ToolCallResult, events)]
    assert [r.error.kind for r in results if r.error] == ["StoreUnavailableError"] * 2
    assert "sees a neutrophil" in str(output) and "the database is not reachable" in str(output)


@pytest.mark.parametrize(
    "failure",
    [
        ModelUnavailableError("gone"),
        MemoryError(),
        RuntimeError("can't allocate memory: 9 bytes"),
        RuntimeError("device-side assert triggered"),
        FileNotFoundError("weights"),
    ],
)
async def test_a_failing_model_is_data_and_the_other_tools_answer(kit, failure):
    kit.model.fails = failure
    _, output = await kit.run(kit.agent)
    assert "could not be described" in str(output) and "neutrophil (2)" in str(output)


@pytest.mark.parametrize(
    "bug", [TypeError("ours"), AssertionError("ours"), NotImplementedError("ours")]
)
async def test_a_bug_of_ours_is_raised(kit, bug):
    kit.model.fails = bug
    with pytest.raises(type(bug), match="ours"):
        await kit.run(kit.agent)


async def test_nothing_found_is_nothing_claimed(kit):
    kit.library.cases, kit.library.passages = [], []
    kit.model.seen, kit.model.text_probability = {}, 0.1
    _, output = await kit.run(kit.agent)
    assert output.raw.status == "abstained" and output.raw.cited() == set()


async def test_a_session_tells_its_images_plan_and_topic(kit):
    events, output = await kit.run(kit.agent, "What cell is this?")
    image_id = of(ToolCall, events)[0].tool_kwargs["image_id"]
    shown = ChatMessage(role="user", blocks=[ImageBlock(path=kit.images.path(image_id))])
    asked = read([shown, output.response, ChatMessage("any papers on that?")], kit.images)
    assert asked.images == (image_id,) and asked.topic == "neutrophil"
    assert asked.situation.last_tools == ("describe_image",)


def example() -> ModuleType:
    path = Path(__file__).resolve().parents[2] / "docs" / "examples" / "agent.py"
    spec = spec_from_file_location("example", path)
    assert spec and spec.loader
    module = module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


async def test_the_example_shows_the_same_answer_alone_and_in_a_workflow(kit, capsys):
    shown = example()
    kit.agent.name = "cytoscribe"
    alone = await shown.show(kit.agent, png())
    inside = await shown.show(shown.in_a_workflow(kit.agent), png())
    assert str(alone) == str(inside)
    said = capsys.readouterr().out
    assert said.count("call: literature_search") == 2 and said.count(str(alone)) == 2


STRANGE = Familiarity(0.01, False, "chart")


@pytest.mark.parametrize("question", ["What cell is this?", "Show me similar cases", THREE])
async def test_of_an_image_of_no_known_kind_nothing_is_claimed(kit, question):
    kit.model.familiarity = STRANGE
    _, output = await kit.run(kit.agent, question)
    assert output.raw.status == "abstained" and output.raw.confidence == 0
    assert str(output).count("This does not look like a cell image I can describe.") == 1
    assert all(sentence.kind != "claim" for sentence in output.raw.sentences)


async def test_the_nearest_cases_of_an_unknown_image_are_shown_and_not_concluded_from(kit):
    kit.model.familiarity = STRANGE
    _, output = await kit.run(kit.agent, "Show me similar cases")
    assert "neutrophil (2)" in str(output) and "nothing is concluded" in str(output)
    assert {e.evidence_id for e in CASES} <= output.raw.cited()


async def test_literature_on_what_an_unknown_image_shows_is_not_looked_up(kit):
    kit.model.familiarity = STRANGE
    _, output = await kit.run(kit.agent, THREE)
    assert "The literature was not searched" in str(output) and kit.library.queries == []


async def test_literature_on_a_named_subject_is_looked_up_beside_an_unknown_image(kit):
    kit.model.familiarity = STRANGE
    _, output = await kit.run(
        kit.agent, "Describe this image, and papers on the neutrophil nucleus"
    )
    assert output.raw.status == "grounded" and "PMID 101" in str(output)
