"""What an answer is written from, and the parts it is written in."""

import re
from dataclasses import dataclass

from agent.confidence import Certainty
from agent.turn import Plan, Sentence, ToolName, ToolResult
from tools.evidence import DescriptionEvidence


@dataclass(frozen=True)
class Material:
    """All that an answer is written from."""

    question: str
    query: str  # what was looked up in the literature
    plan: Plan
    results: tuple[ToolResult, ...] = ()
    shown: tuple[str, ...] = ()  # ids of the session's images, in the order of their numbers
    missing: tuple[int, ...] = ()  # numbers of images that the question names and nobody gave
    named: str = ""  # what the question names to be shown from the library
    literature_words: str = ""  # the clauses of the question that ask for literature, if not all

    def name(self, image_id: str | None) -> str:
        """What an image is called where the turn is about several: "image 2"; else ""."""
        looked_at = {result.image_id for result in self.results} - {None}
        if len(looked_at) < 2 or image_id not in self.shown:
            return ""
        return f"image {self.shown.index(image_id) + 1}"

    @property
    def besides_literature(self) -> str:
        """The question without its clauses that ask for literature, unless all of it does."""
        words = self.question
        for clause in self.literature_words.split(", ") if self.literature_words else ():
            words = words.replace(clause, " ")
        return words if re.search(r"\w", words) else self.question

    def of(self, tool: ToolName) -> list[ToolResult]:
        return [result for result in self.results if result.tool == tool]

    def leaves_out(self, tool: ToolName) -> bool:
        """Whether a planned tool was not used, because its image is of no known kind."""
        return tool in self.plan.tools and not self.of(tool) and self.unknown_images

    @property
    def unknown_images(self) -> bool:
        """Whether there are images, and all of a kind that the model does not know."""
        described = [
            evidence
            for result in self.results
            for evidence in result.evidence
            if isinstance(evidence, DescriptionEvidence)
        ]
        return bool(described) and all(e.status == "abstained" for e in described)


@dataclass(frozen=True)
class Part:
    """What one kind of evidence contributes, and how likely its first claim is right."""

    sentences: tuple[Sentence, ...]
    certainty: Certainty | None = None  # None: it claims nothing, or the same as another part


def gap(text: str) -> Sentence:
    """A sentence that says what is missing."""
    return Sentence(text=text, kind="gap")
