"""Evidence: what an answer may stand on, as frozen values with ids made from their content.

Three kinds: what the model sees or we measure in an image, a similar labelled case, a passage of
the literature. Images travel as ids, never as pixels. It knows nothing of how evidence is found.
"""

import hashlib
import json
from typing import Annotated, Any, ClassVar, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, model_validator

Probability = Annotated[float, Field(ge=0.0, le=1.0)]


class Frozen(BaseModel):
    """A value: immutable, and a misspelt field is an error."""

    model_config = ConfigDict(frozen=True, extra="forbid")


class _Evidence(Frozen):
    prefix: ClassVar[str]
    evidence_id: str = ""

    def identity(self) -> dict[str, Any]:
        """The fields that make this evidence what it is (a score or a rank does not)."""
        raise NotImplementedError

    @model_validator(mode="after")
    def _identify(self) -> Self:
        text = json.dumps(self.identity(), sort_keys=True, ensure_ascii=False)
        made = f"{self.prefix}-{hashlib.sha256(text.encode()).hexdigest()[:8]}"
        if self.evidence_id not in ("", made):
            raise ValueError(f"evidence_id {self.evidence_id!r} is not of this content ({made})")
        object.__setattr__(self, "evidence_id", made)
        return self


class Finding(Frozen):
    """One thing said about an image: `cell_type = neutrophil` seen with probability 0.93."""

    name: str
    value: str
    unit: str | None = None
    probability: Probability | None = None  # None for what is measured
    origin: Literal["seen", "measured"] = "seen"
    ontology_id: str | None = None  # of the Cell Ontology, where the value is a cell of it


class DescriptionEvidence(_Evidence):
    """What the vision-language model says of one image."""

    prefix: ClassVar[str] = "see"
    kind: Literal["description"] = "description"
    image_id: str
    text: str  # what the model wrote, without what no finding bears out
    generated_text: str | None = None  # as the model wrote it
    findings: tuple[Finding, ...] = ()
    overlay: str | None = None  # path of a picture that shows what was measured
    comparison: str = ""  # what was measured and what was seen, and where the two disagree
    model: str  # id or folder, with revision or digest
    probability: Probability | None = None  # geometric mean over the tokens of `generated_text`
    status: Literal["described", "abstained"] = "described"  # abstained: of no kind it knows
    familiarity: Probability | None = None  # that it is an image of a known kind; None: not checked
    weighed_with: tuple[str, ...] = ()  # ids of similar cases that its attributes were weighed with

    def identity(self) -> dict[str, Any]:
        return self.model_dump(
            include={"image_id", "text", "findings", "model"},
            exclude={"findings": {"__all__": {"ontology_id"}}},  # follows from the value
        )


class CaseEvidence(_Evidence):
    """A labelled image of the library that resembles the user's image or is what was named."""

    prefix: ClassVar[str] = "case"
    kind: Literal["case"] = "case"
    image_id: str
    caption: str
    labels: dict[str, str]  # {"cell_type": "neutrophil", …}
    similarity: float  # cosine, higher is closer: of the images, or of the words and the caption
    found_by: Literal["image", "words"] = "image"
    source: str
    licence: str
    simulated: bool = False  # drawn by our simulator: must be said wherever it is shown
    same_picture: bool = False  # as the user's: no case of its own, whatever it is labelled
    folded: int = 0  # further images of the library that show nearly this picture

    def identity(self) -> dict[str, Any]:
        return self.model_dump(include={"image_id", "caption", "labels"})


class LiteratureEvidence(_Evidence):
    """One passage of an article."""

    prefix: ClassVar[str] = "lit"
    kind: Literal["literature"] = "literature"
    source_id: str  # "pmid:123", "s2:…"
    pmid: str | None = None
    title: str
    journal: str | None = None
    year: int | None = None
    section: str
    passage: str
    quoted: bool = True  # False: a summary in our words, never shown as a quotation
    retracted: bool = False
    publication_types: tuple[str, ...] = ()  # "Review", "Published Erratum", …
    similarity: float
    support: Probability | None = None  # that it answers what was looked up; None: not judged

    def identity(self) -> dict[str, Any]:
        return self.model_dump(include={"source_id", "section", "passage"})


Evidence = Annotated[
    DescriptionEvidence | CaseEvidence | LiteratureEvidence, Field(discriminator="kind")
]
