"""CellAgent, the main path of a turn: route, use the tools, write a grounded answer.

A LlamaIndex agent with a policy of its own: PaliGemma can neither call functions nor chat without
an image, so a router plans and the tools' evidence is written up. It emits LlamaIndex's standard
events, runs alone or inside an AgentWorkflow, and reads all it knows of a session from the chat
messages: images from their ImageBlocks, earlier plans from the notes on its own messages.
"""

import asyncio
from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import Any
from uuid import uuid4

from llama_index.core.agent.workflow import (
    AgentOutput,
    AgentStream,
    BaseWorkflowAgent,
    ToolCallResult,
)
from llama_index.core.agent.workflow.agent_context import AgentContext
from llama_index.core.llms import ChatMessage, ImageBlock
from llama_index.core.memory import BaseMemory
from llama_index.core.tools import AsyncBaseTool, ToolSelection
from llama_index.core.workflow import Context, Event
from pydantic import Field, SkipValidation

from agent.material import Part
from agent.meant_images import meant
from agent.router import Planner
from agent.routing_features import Situation
from agent.showing import shown_words
from agent.synthesis import Synthesis
from agent.tracing import NoTracer, Tracer
from agent.turn import GroundedAnswer, Plan, ToolError, ToolName, ToolResult
from agent.under_way import Asked, Turn
from tools.describe_image import particular_question
from tools.images import ImageFolder

MAX_STEPS = 4  # rounds of tool calls; a turn of our own tools needs two
TURN = "cell_turn"  # the turn under way, in the workflow's store
NOTES = "cytoscribe"  # what the agent notes on its messages, for the turns that follow


class PlanReady(Event):
    """Emitted once a turn: the plan."""

    plan: Plan


class CellAgent(BaseWorkflowAgent):
    """Answers questions about cell images from what is seen, similar cases and literature."""

    router: SkipValidation[Planner] = Field(exclude=True)
    max_steps: int = Field(default=MAX_STEPS, ge=1, exclude=True)  # rounds of tool calls a turn
    synthesis: Synthesis = Field(exclude=True)
    images: ImageFolder = Field(exclude=True)
    tracer: SkipValidation[Tracer] = Field(default_factory=NoTracer, exclude=True)

    async def take_step(
        self,
        ctx: AgentContext,
        llm_input: list[ChatMessage],
        tools: Sequence[AsyncBaseTool],
        memory: BaseMemory,
    ) -> AgentOutput:
        """Plan, then call tools until none is left to call, then answer."""
        turn: Turn | None = await ctx.store.get(TURN, default=None)
        if turn is None:
            turn = await self._begin(ctx, llm_input)
        if turn.steps < self.max_steps and (calls := list(_next_calls(turn))):
            await ctx.store.set(TURN, replace(turn, steps=turn.steps + 1))
            silent = ChatMessage(role="assistant", content="")
            return AgentOutput(response=silent, tool_calls=calls, current_agent_name=self.name)
        return await self._answer(ctx, out_of_steps(turn))

    async def handle_tool_call_results(
        self, ctx: Context, results: list[ToolCallResult], memory: BaseMemory
    ) -> None:
        """Keep the evidence; a tool's failure is in its result, an exception is our own bug."""
        for result in results:
            if result.tool_output.is_error:
                raise result.tool_output.exception or RuntimeError(result.tool_output.content)
        turn: Turn = await ctx.store.get(TURN)
        found = tuple(result.tool_output.raw_output for result in results)
        await ctx.store.set(TURN, replace(turn, results=turn.results + found))

    async def finalize(self, ctx: Context, output: AgentOutput, memory: BaseMemory) -> AgentOutput:
        """Leave the answer and its notes in the chat; the next turn starts afresh."""
        await memory.aput(output.response)
        await ctx.store.set(TURN, None)
        return output

    async def _begin(self, ctx: AgentContext, messages: Sequence[ChatMessage]) -> Turn:
        with self.tracer.stage("plan", "chain") as stage:
            turn = await asyncio.to_thread(self._plan, messages)
            stage.note(turn.plan)
        await ctx.store.set(TURN, turn)
        ctx.write_event_to_stream(PlanReady(plan=turn.plan))
        return turn

    def _plan(self, messages: Sequence[ChatMessage]) -> Turn:
        asked = read(messages, self.images)
        words = (asked.question, asked.situation)
        return Turn(
            asked,
            self.router.route(*words),
            literature_words=self.router.words_for("literature_search", *words),
            image_words=self.router.words_for("describe_image", *words),
            named=shown_words(asked.question, asked.situation.has_image),
        )

    async def _answer(self, ctx: AgentContext, turn: Turn) -> AgentOutput:
        material, parts = turn.material(), list[Part]()
        with self.tracer.stage("answer", "generation", turn.asked.question) as stage:
            pieces = self.synthesis.parts(material)
            while part := await asyncio.to_thread(next, pieces, None):
                stage.begun()
                self._show(ctx, parts, part)
                parts.append(part)
            answer = self.synthesis.answer(material, parts)
            stage.note(answer.text, model=answer.model)
        with self.tracer.stage("citations", "guardrail", sorted(answer.cited())) as stage:
            stage.note(citations(answer, turn.results))
        response = reply(answer, turn.plan, turn.topic, turn.asked.images)
        return AgentOutput(response=response, raw=answer, current_agent_name=self.name)

    def _show(self, ctx: AgentContext, shown: Sequence[Part], part: Part) -> None:
        """Stream a part sentence by sentence; all deltas together are the answer's text."""
        said = [sentence.text for earlier in shown for sentence in earlier.sentences]
        for sentence in part.sentences:
            delta = f" {sentence.text}" if said else sentence.text
            said.append(sentence.text)
            ctx.write_event_to_stream(
                AgentStream(delta=delta, response=" ".join(said), current_agent_name=self.name)
            )


def citations(answer: GroundedAnswer, results: Sequence[ToolResult]) -> dict[str, Any]:
    """Whether every claim cites evidence that was found in this turn; a record insists on it."""
    found = {e.evidence_id for result in results for e in result.evidence}
    claims = [sentence for sentence in answer.sentences if sentence.kind == "claim"]
    unknown = sorted(answer.cited() - found)
    return {"passed": not unknown, "claims": len(claims), "unknown": unknown}


def read(messages: Sequence[ChatMessage], images: ImageFolder) -> Asked:
    """The last question, with the images and notes of the messages before it."""
    last = max(i for i, message in enumerate(messages) if message.role == "user")
    *earlier, question = messages[: last + 1]
    own = _image_ids(question, images)
    given = [*(i for m in earlier for i in _image_ids(m, images)), *own]
    shown = tuple(dict.fromkeys(given))
    noted = (m.additional_kwargs[NOTES] for m in reversed(earlier) if NOTES in m.additional_kwargs)
    last_turn: dict[str, Any] = next(noted, {})
    spoken_of = [i for i in last_turn.get("images", ()) if i in shown] or list(shown)
    about = meant(question.content or "", own, shown, spoken_of[-1] if spoken_of else None)
    same = not own and about.images == tuple(spoken_of[-1:])
    return Asked(
        question=question.content or "",
        images=about.images,
        situation=Situation(
            bool(about.images),
            tuple(last_turn.get("tools", ())),
            tuple(m.content or "" for m in earlier if m.role == "user"),
        ),
        shown=shown,
        missing=about.missing,
        topic=last_turn.get("topic") if same else None,
    )


def reply(
    answer: GroundedAnswer, plan: Plan, topic: str | None, images: Sequence[str] = ()
) -> ChatMessage:
    """The agent's message, with what follow-ups need to know of the turn noted on it as JSON."""
    noted = {NOTES: {"tools": list(plan.tools), "topic": topic, "images": list(images)}}
    return ChatMessage(role="assistant", content=answer.text, additional_kwargs=noted)


def _image_ids(message: ChatMessage, images: ImageFolder) -> tuple[str, ...]:
    """Ids of a message's images; one that is not in the folder yet is put there."""
    blocks = [block for block in message.blocks if isinstance(block, ImageBlock)]
    return tuple(
        block.path.name
        if block.path and block.path.is_relative_to(images.root)
        else images.put(block.resolve_image().read()).image_id
        for block in blocks
    )


def out_of_steps(turn: Turn) -> Turn:
    """The turn with a failure for each planned tool that was not called: its steps are used up."""
    done = {result.tool for result in turn.results}
    error = ToolError(kind="StepLimit", message=f"the {turn.steps} steps of a turn were used up")
    if turn.asks_of_an_unknown:
        done.add("literature_search")  # held back, which the answer says
    left = [ToolResult(tool=t, error=error, latency_ms=0) for t in turn.plan.tools if t not in done]
    return replace(turn, results=(*turn.results, *left))


def _next_calls(turn: Turn) -> Iterator[ToolSelection]:
    """The calls that can be made now and have not been; they run side by side.

    Literature on what an image shows waits until the image is described, planned or not.
    """
    done = {result.tool for result in turn.results}
    waits = turn.waits_for_a_look
    if waits and "describe_image" not in turn.plan.tools:
        yield from _calls("describe_image", turn)
    held_back = waits or turn.asks_of_an_unknown
    for tool in turn.plan.tools:
        if tool not in done and not (tool == "literature_search" and held_back):
            yield from _calls(tool, turn)


def _calls(tool: ToolName, turn: Turn) -> Iterator[ToolSelection]:
    if tool == "literature_search":
        yield _call(tool, query=turn.query)
        return
    if tool == "image_search" and turn.named:
        yield _call(tool, words=turn.named)
        return
    several = len(turn.asked.images) > 1  # a comparison is no question on any one of them
    question = "" if several else particular_question(turn.image_words)
    for image_id in turn.asked.images:
        if tool == "describe_image":
            yield _call(tool, image_id=image_id, question=question)
        else:
            yield _call(tool, image_id=image_id)


def _call(tool: ToolName, **arguments: str) -> ToolSelection:
    return ToolSelection(tool_id=uuid4().hex, tool_name=tool, tool_kwargs=arguments)
