"""A turn under way: what was asked, what is planned, and what was found so far.

Values that the agent replaces step by step; they call no tool.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from agent.lookup import asks_only, refers
from agent.material import Material
from agent.routing_features import Situation
from agent.synthesis import topic_of
from agent.turn import Plan, ToolResult
from tools.evidence import DescriptionEvidence, Finding
from tools.findings.terms import search_terms, with_terms
from tools.literature_query import literature_query


@dataclass(frozen=True)
class Asked:
    """A question with what the session knows."""

    question: str
    images: tuple[str, ...]  # ids of the images that the question is about
    situation: Situation
    shown: tuple[str, ...] = ()  # all of the session's images, in the order in which they came
    missing: tuple[int, ...] = ()  # numbers of images that the question names and nobody gave
    topic: str | None = None  # what the last described image showed


@dataclass(frozen=True)
class Turn:
    """A turn under way."""

    asked: Asked
    plan: Plan
    literature_words: str  # the part of the question that asks for literature
    image_words: str  # the part of the question that asks about the image
    named: str = ""  # what it names to be shown from the library
    results: tuple[ToolResult, ...] = ()
    steps: int = 0  # rounds of tool calls made

    @property
    def topic(self) -> str | None:
        """What the image shows, as soon as it is described."""
        return topic_of(self.results) or self.asked.topic

    @property
    def query(self) -> str:
        """What to look up: "its nucleus" becomes "neutrophil band nucleus" once that is seen."""
        query = literature_query(self.literature_words, self.topic)
        if not (self.topic and refers(self.literature_words)):
            return query
        if asks_only(self.literature_words):
            query = self.topic
        return with_terms(query, search_terms(self.literature_words, findings(self.results)))

    @property
    def waits_for_a_look(self) -> bool:
        """Whether literature is asked for on what an image shows, and nobody has looked yet."""
        return (
            "literature_search" in self.plan.tools
            and refers(self.literature_words)
            and bool(self.asked.images)
            and ("describe_image" in self.plan.tools or not self.topic)
            and all(result.tool != "describe_image" for result in self.results)
        )

    @property
    def asks_of_an_unknown(self) -> bool:
        """Whether literature is asked for on what an image shows, and nobody knows what it is."""
        refers_to_it = refers(self.literature_words) and not self.topic
        return refers_to_it and self.material().unknown_images

    def material(self) -> Material:
        """The evidence, in the order of the images."""
        place = {image_id: i for i, image_id in enumerate(self.asked.images)}
        ordered = sorted(self.results, key=lambda result: place.get(result.image_id or "", 0))
        shown, missing = self.asked.shown, self.asked.missing
        words = self.literature_words if "literature_search" in self.plan.tools else ""
        return Material(
            self.asked.question, self.query, self.plan, tuple(ordered), shown, missing, self.named,
            words if "describe_image" in self.plan.tools else "",
        )  # fmt: skip


def findings(results: Sequence[ToolResult]) -> list[Finding]:
    """All findings of the images described in a turn."""
    seen = (e for result in results for e in result.evidence)
    return [f for e in seen if isinstance(e, DescriptionEvidence) for f in e.findings]
