"""A function-calling text model in the router's place, on any OpenAI-compatible server.

It is offered the three tools and "out of scope" as functions and calls those it wants. It sees the
question and the questions before it, never an image. What it calls that is no tool is passed over;
where its server fails or it calls nothing, the trained router plans.
"""

import logging
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from openai import OpenAI, OpenAIError

from agent.prompts import ROUTES, plan_turn
from agent.router import Planner, plan, without_words
from agent.routing_features import ORDER, Situation
from agent.turn import Plan, ToolName

if TYPE_CHECKING:
    from openai.types.chat import ChatCompletionMessageToolCallUnion

SECONDS = 20.0  # for a plan; a person is waiting
CONFIDENCE = 0.8  # of a plan, as a guess: a server does not tell
_log = logging.getLogger(__name__)


class LLMRouter:
    """Plans turns by function calls; making one contacts nobody."""

    def __init__(self, name: str, url: str | None, key: str | None, otherwise: Planner) -> None:
        self.name, self._otherwise = name, otherwise
        self._client = OpenAI(base_url=url, api_key=key or "none", timeout=SECONDS, max_retries=0)

    def route(self, question: str, situation: Situation) -> Plan:
        """The tools that the model calls, in the order of ORDER, or why there are none."""
        if not question.strip():
            return without_words(situation)
        called = self._called(question, situation)
        if not called:
            return self._otherwise.route(question, situation)
        tools = [tool for tool in ORDER if tool in called]
        return plan(tools, situation, CONFIDENCE, self.name, question)

    def words_for(self, tool: ToolName, question: str, situation: Situation) -> str:
        """The clauses that ask for this tool, as the trained router finds them."""
        return self._otherwise.words_for(tool, question, situation)

    def _called(self, question: str, situation: Situation) -> set[str]:
        """The names of the functions called that are ours."""
        try:
            reply = self._client.chat.completions.create(
                model=self.name,
                messages=[{"role": "user", "content": _prompt(question, situation)}],
                tools=FUNCTIONS,
                temperature=0.0,
            )
        except OpenAIError as error:
            _log.warning("the text model %s did not plan: %s", self.name, error)
            return set()
        calls = reply.choices[0].message.tool_calls if reply.choices else None
        return set(_names(calls or ())) & set(ROUTES)


def _names(calls: "Sequence[ChatCompletionMessageToolCallUnion]") -> list[str]:
    return [call.function.name for call in calls if call.type == "function"]


def _prompt(question: str, situation: Situation) -> str:
    return plan_turn(question, situation.has_image, situation.earlier, situation.last_tools)


FUNCTIONS: Any = [
    {
        "type": "function",
        "function": {
            "name": name,
            "description": what,
            "parameters": {"type": "object", "properties": {}},
        },
    }
    for name, what in ROUTES.items()
]
