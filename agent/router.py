"""Route a question to the tools that answer it: rules where words are certain, else a trained head.

The head reads the whole question and each of its parts; what either asks for is wanted. It was
trained on questions of our own (eval/data/routing) and is deterministic. It knows nothing of what
an image shows, and of languages only those it was trained on.
"""

import logging
import re
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Literal, Protocol

import numpy as np

from agent.clauses import clauses, fragments
from agent.meant_images import compares
from agent.routing_features import ORDER, Situation, features
from agent.set_aside import asked
from agent.showing import shown_words, surely_shown
from agent.turn import Plan, ToolName
from tools.errors import CytoscribeError
from tools.linear_head import Floats, LinearHead, read_head
from tools.protocols import TextEncoder

Intent = ToolName | Literal["out_of_scope"]
INTENTS: tuple[Intent, ...] = (*ORDER, "out_of_scope")
NEEDS_IMAGE: frozenset[ToolName] = frozenset({"describe_image", "image_search"})
SHIPPED = Path(__file__).parent / "routing_head.json"
WANTED = 0.8  # probability from which a tool is used beside the likeliest one
PART_WANTED = 0.7  # the same for a part of it, which lacks what the rest tells
BROKEN = (MemoryError, RuntimeError, OSError, CytoscribeError)  # what an encoder may die of
_log = logging.getLogger(__name__)

# Questions that are nothing but their key words.
_OF_THAT = r"( (on|about|for|of|to) (this|that|it|them|these|those))?"
_KEY_WORDS: tuple[tuple[str, ToolName], ...] = (
    (
        r"(describe|identify|classify) (this|the|my) (cell|image|picture|photo|slide)|"
        r"(what|which) (type of |kind of )?(blood )?cell is (this|it|that)",
        "describe_image",
    ),
    (r"(show|find)( me)? (similar|comparable) (images|cells|cases)", "image_search"),
    (
        rf"(any |more )?(papers|articles|publications|literature|references|pmids){_OF_THAT}",
        "literature_search",
    ),
)
# Said of the image where there is one, whatever was talked of before.
_OF_THE_IMAGE = re.compile(
    r"(what|how) about (its|the) (nucleus|cytoplasm|chromatin|granules|outline|shape|size|colou?r)"
)
RULES = tuple((re.compile(rf"(please )?({words})( please)?"), tool) for words, tool in _KEY_WORDS)


class Planner(Protocol):
    """What the agent asks how to answer a turn."""

    def route(self, question: str, situation: Situation) -> Plan:
        """The tools of a turn, in the order of ORDER, or why there are none."""

    def words_for(self, tool: ToolName, question: str, situation: Situation) -> str:
        """The part of the question that asks for a tool; the whole where none does."""


@dataclass(frozen=True)
class _Vote:
    """What is asked for, and how likely just that is."""

    intents: tuple[Intent, ...]
    confidence: float
    decided_by: str = "head"


class Router:
    """Plans turns by rules and a head; one whose encoder is not the head's opens the head's."""

    def __init__(self, encoder: TextEncoder, head: LinearHead | None = None) -> None:
        self._head, name = (head, encoder.name) if head else _shipped()
        self._encoder = encoder if encoder.name == name else _offline_encoder()

    def route(self, question: str, situation: Situation) -> Plan:
        """The tools of a turn, in the order of ORDER, or why there are none."""
        if not question.strip():
            return without_words(situation)
        question = asked(question)
        try:
            vote = by_rule(question, situation) or self._by_head(question, situation)
        except (NotImplementedError, RecursionError):  # bugs of ours
            raise
        except BROKEN as error:
            _log.exception("the text encoder stopped working")
            return by_rules_alone(question, situation, error)
        tools = [tool for tool in ORDER if tool in vote.intents]
        return plan(tools, situation, vote.confidence, vote.decided_by, question)

    def words_for(self, tool: ToolName, question: str, situation: Situation) -> str:
        """The clauses of the question that ask for this tool; the whole where none does."""
        question = asked(question)
        parts = clauses(question)
        if len(parts) < 2:
            return question
        try:
            likeliest = self._chances(parts, situation).argmax(1)
        except (NotImplementedError, RecursionError):
            raise
        except BROKEN:  # `route` has told it
            return question
        own = INTENTS.index(tool)
        asking = [part for part, intent in zip(parts, likeliest, strict=True) if intent == own]
        return ", ".join(asking) or question

    def _by_head(self, question: str, situation: Situation) -> _Vote:
        parts = fragments(question)
        whole, *apart = self._chances([question, *(parts if len(parts) > 1 else ())], situation)
        votes = [vote for part in parts if (vote := by_rule(part, situation))]
        ruled = {intent for vote in votes for intent in vote.intents}
        return _vote(whole, np.array(apart).reshape(-1, len(INTENTS)), ruled)

    def _chances(self, texts: Sequence[str], situation: Situation) -> Floats:
        """(n, intents)."""
        rows = features(texts, [situation] * len(texts), self._encoder)
        return self._head.probabilities(rows)


def _vote(whole: Floats, apart: Floats, ruled: set[Intent]) -> _Vote:
    """`whole` (intents,), `apart` (parts, intents); `ruled` is wanted for certain."""
    tools = whole[: len(ORDER)]
    if whole[-1] > tools.max() and not ruled:
        wanted: set[Intent] = {"out_of_scope"}
    else:
        wanted = {tool for tool, chance in zip(ORDER, tools, strict=True) if chance >= WANTED}
        wanted |= ruled | {ORDER[int(tools.argmax())]} | _asked_by(apart, PART_WANTED)
    chosen = np.array([intent in wanted for intent in INTENTS])
    confidence = float(np.where(chosen, whole, 1 - whole).prod())
    return _Vote(tuple(intent for intent in INTENTS if intent in wanted), confidence)


def _asked_by(apart: Floats, least: float) -> set[Intent]:
    """The likeliest intent of each part that is a tool and at least so likely."""
    likeliest = [(INTENTS[int(row.argmax())], float(row.max())) for row in apart]
    return {intent for intent, chance in likeliest if chance >= least} - {"out_of_scope"}


def by_rule(question: str, situation: Situation) -> _Vote | None:
    """What a question asks for that is nothing but key words."""
    words = " ".join(re.findall(r"[^\W_]+", question.lower()))
    if situation.has_image and (_OF_THE_IMAGE.fullmatch(words) or compares(question)):
        return _Vote(("describe_image",), 1.0, "rules")
    found = next((tool for pattern, tool in RULES if pattern.fullmatch(words)), None)
    if not found and len(clauses(question)) == 1 and surely_shown(question, situation.has_image):
        found = "image_search"
    return _Vote((found,), 1.0, "rules") if found else None


def by_rules_alone(question: str, situation: Situation, error: BaseException) -> Plan:
    """A plan for when the encoder failed: what parts of the question ask for by their key words,
    else the tool that is asked for most."""
    votes = [vote for part in fragments(question) if (vote := by_rule(part, situation))]
    usual: Intent = "describe_image" if situation.has_image else "literature_search"
    wanted = {intent for vote in votes for intent in vote.intents} or {usual}
    tools = [tool for tool in ORDER if tool in wanted]
    told = next(iter(str(error).splitlines()), type(error).__name__)
    reason = f"The text encoder failed ({told}): rules alone decided."
    found = plan(tools, situation, 0.0, "rules", question)
    return found.model_copy(update={"reason": reason, "failure": told})


def without_words(situation: Situation) -> Plan:
    """The plan of a turn without a question."""
    if not situation.has_image:
        return Plan(outcome="needs_image", reason="Neither a question nor an image was given.",
                    confidence=1.0, decided_by="rules")  # fmt: skip
    return Plan(tools=("describe_image", "image_search"), confidence=1.0, decided_by="rules",
                reason="An image without a question is described and compared.")  # fmt: skip


def plan(
    tools: Sequence[ToolName],
    situation: Situation,
    confidence: float,
    decided_by: str,
    question: str = "",
) -> Plan:
    """The plan for the tools that are asked for; those without their image are unmet.

    Cases are found without one where the question names what to show.
    """
    if not tools:
        reason = "The question is not about cell images or their literature."
        return Plan(
            outcome="out_of_scope", confidence=confidence, decided_by=decided_by, reason=reason
        )
    named = shown_words(question, situation.has_image)
    blind = NEEDS_IMAGE - ({"image_search"} if named else set())
    usable = [tool for tool in tools if situation.has_image or tool not in blind]
    if not usable:
        return Plan(outcome="needs_image", confidence=confidence, decided_by=decided_by,
                    reason=f"There is no image yet for {' and '.join(tools)}.")  # fmt: skip
    return Plan(tools=tuple(usable), confidence=confidence, decided_by=decided_by,
                unmet=tuple(tool for tool in tools if tool not in usable),
                reason=f"The question asks for {', '.join(tools)}.")  # fmt: skip


def _shipped() -> tuple[LinearHead, str]:
    """The head of this package, and the encoder it was trained with."""
    head, notes = read_head(SHIPPED)
    return head, str(notes["encoder"])


@lru_cache(1)
def _offline_encoder() -> TextEncoder:
    from tools.embedders import load_text_encoder

    return load_text_encoder("minilm")
