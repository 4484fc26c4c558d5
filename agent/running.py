"""Run one turn of the agent: chat messages in, TurnEvents on the way, a TurnRecord at the end.

The adapter between LlamaIndex's workflow events and our own values. It stores nothing.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from time import perf_counter, process_time

from llama_index.core.agent.workflow import AgentOutput, AgentStream, ToolCall, ToolCallResult
from llama_index.core.llms import ChatMessage, ImageBlock, TextBlock
from llama_index.core.memory import ChatMemoryBuffer
from llama_index.core.workflow import Event

from agent.agent import CellAgent, PlanReady, reply
from agent.synthesis import topic_of
from agent.turn import (
    AnswerDelta,
    GroundedAnswer,
    Plan,
    PlanMade,
    Sentence,
    ToolFinished,
    ToolResult,
    ToolStarted,
    TurnEvent,
    TurnRecord,
    UserTurn,
)
from tools.errors import BadImageError
from tools.images import ImageFolder

Tell = Callable[[TurnEvent], None]


@dataclass
class TurnRun:
    """A turn under way: what has been told of it, and what its record will hold."""

    turn: UserTurn
    tell: Tell
    plan: Plan | None = None
    results: list[ToolResult] = field(default_factory=list)
    answer: GroundedAnswer | None = None
    durations: dict[str, float] = field(default_factory=dict)  # seconds by stage
    _since: float = field(default_factory=perf_counter)
    _cpu_since: float = field(default_factory=process_time)

    async def follow(self, agent: CellAgent, history: Sequence[TurnRecord]) -> None:
        """Let the agent answer, telling each event; raises what the agent raises."""
        chat = messages(history, agent.images)
        memory = ChatMemoryBuffer.from_defaults(
            chat_history=chat,
            token_limit=10**9,
            tokenizer_fn=str.split,  # a session is never cut
        )
        handler = agent.run(user_msg=question(self.turn, agent.images), memory=memory)
        try:
            async for event in handler.stream_events():
                self._take(event)
            output: AgentOutput = await handler
        finally:
            if not handler.is_done():
                await handler.cancel_run()
        self._clock("answer")
        self.answer = output.raw

    def add(self, text: str) -> None:
        """Append a statement about our own work to the finished answer."""
        assert self.answer is not None
        gap = Sentence(text=text, kind="gap")
        sentences = (*self.answer.sentences, gap)
        self.answer = self.answer.model_copy(update={"sentences": sentences})
        self.tell(AnswerDelta(text=f" {text}"))

    def record(self, trace_id: str, settings_hash: str, machine: str) -> TurnRecord:
        """The record of the finished turn."""
        assert self.plan is not None and self.answer is not None
        return TurnRecord(
            trace_id=trace_id,
            turn=self.turn,
            plan=self.plan,
            results=tuple(self.results),
            answer=self.answer,
            settings_hash=settings_hash,
            durations=self.durations | {"total": sum(self.durations.values())},
            machine=machine,
            cpu_seconds=process_time() - self._cpu_since,
        )

    def _take(self, event: Event) -> None:
        match event:
            case PlanReady():
                self.plan = event.plan
                self._clock("plan")
                self.tell(PlanMade(plan=event.plan))
            case ToolCall():
                self.tell(ToolStarted.model_validate({"tool": event.tool_name}))
            case ToolCallResult() if not event.tool_output.is_error:
                self.results.append(event.tool_output.raw_output)
                self._clock("tools")
                self.tell(ToolFinished(result=self.results[-1]))
            case AgentStream():
                self.tell(AnswerDelta(text=event.delta))

    def _clock(self, stage: str) -> None:
        """Count the time since the last call to a stage."""
        now = perf_counter()
        self.durations[stage] = self.durations.get(stage, 0.0) + now - self._since
        self._since = now


def question(turn: UserTurn, images: ImageFolder) -> ChatMessage:
    """The user's message; BadImageError for an image that is not stored."""
    for image_id in turn.images:
        if not images.path(image_id).is_file():
            raise BadImageError(f"{image_id} is not stored here any more; add the image again.")
    return _user(turn, images)


def messages(history: Sequence[TurnRecord], images: ImageFolder) -> list[ChatMessage]:
    """A session as a chat; its subject (an image, "neutrophil") goes on until another is looked
    at."""
    chat, topic, about = list[ChatMessage](), None, list[str]()
    for record in history:
        topic = topic_of(record.results) or (None if record.turn.images else topic)
        looked_at = [result.image_id for result in record.results if result.image_id]
        about = list(dict.fromkeys(looked_at)) or list(record.turn.images) or about
        chat += [_user(record.turn, images), reply(record.answer, record.plan, topic, about)]
    return chat


def _user(turn: UserTurn, images: ImageFolder) -> ChatMessage:
    """Images go by path: their bytes must not get into traces. A deleted one is left out."""
    paths = [path for i in turn.images if (path := images.path(i)).is_file()]
    blocks = [*(ImageBlock(path=path) for path in paths), TextBlock(text=turn.question)]
    return ChatMessage(role="user", blocks=blocks)
