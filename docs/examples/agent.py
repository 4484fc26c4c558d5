"""CellAgent alone and inside an AgentWorkflow, with LlamaIndex's own events.

    python docs/examples/agent.py cell.png

Alone it is run like any agent of LlamaIndex. In a workflow it stands beside others, which hand
over to it; here a greeter of a few lines, so that nothing but this package is needed.
"""

import asyncio
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from llama_index.core.agent.workflow import (
    AgentOutput,
    AgentStream,
    AgentWorkflow,
    BaseWorkflowAgent,
    ToolCall,
    ToolCallResult,
)
from llama_index.core.llms import ChatMessage, ImageBlock, MockLLM, TextBlock
from llama_index.core.tools import ToolSelection

from agent.agent import CellAgent, PlanReady
from agent.build import open_assistant
from agent.settings import load_settings

QUESTION = "What cell is this, and what does the literature say about its nucleus?"


class Greeter(BaseWorkflowAgent):
    """Hands everything over to the cell agent; in its place may stand any agent of LlamaIndex."""

    async def take_step(
        self, ctx: Any, llm_input: list[ChatMessage], tools: Sequence[Any], memory: Any
    ) -> AgentOutput:
        called = any(message.role == "tool" for message in llm_input)
        hand_over = ToolSelection(
            tool_id="1", tool_name="handoff",
            tool_kwargs={"to_agent": "cytoscribe", "reason": "a question about a cell"},
        )  # fmt: skip
        return AgentOutput(
            response=ChatMessage(role="assistant", content=""),
            tool_calls=[] if called else [hand_over],
            current_agent_name=self.name,
        )

    async def handle_tool_call_results(self, ctx: Any, results: Any, memory: Any) -> None:
        """Nothing to keep."""

    async def finalize(self, ctx: Any, output: AgentOutput, memory: Any) -> AgentOutput:
        return output


async def show(workflow: Any, image: bytes, question: str = QUESTION) -> AgentOutput:
    """Run a question on an agent or a workflow and print the events as they come."""
    blocks = [ImageBlock(image=image), TextBlock(text=question)]
    handler = workflow.run(user_msg=ChatMessage(role="user", blocks=blocks))
    async for event in handler.stream_events():
        if isinstance(event, PlanReady):
            print(f"plan: {', '.join(event.plan.tools)} ({event.plan.reason})")
        elif isinstance(event, ToolCallResult):
            print(f"done: {event.tool_name}")
        elif isinstance(event, ToolCall):
            print(f"call: {event.tool_name} {event.tool_kwargs}")
        elif isinstance(event, AgentStream):
            print(event.delta, end="", flush=True)
    print()
    output: AgentOutput = await handler
    return output


def in_a_workflow(cells: CellAgent) -> AgentWorkflow:
    """The cell agent beside a greeter, which comes first."""
    greeter = Greeter(
        name="greeter", description="Hands over.", llm=MockLLM(), can_handoff_to=[cells.name]
    )
    return AgentWorkflow(agents=[greeter, cells], root_agent="greeter")


def main() -> None:
    """Both ways, on one image."""
    image = Path(sys.argv[1]).read_bytes()
    with open_assistant(load_settings()) as assistant:
        print("== alone")
        asyncio.run(show(assistant.agent, image))
        print("== in an AgentWorkflow")
        asyncio.run(show(in_a_workflow(assistant.agent), image))


if __name__ == "__main__":
    main()
