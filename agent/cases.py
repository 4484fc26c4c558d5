"""Similar cases in an answer: their labels counted, and held against what is seen.

Beside an image that the model does not know they are shown, and claim nothing.
"""

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import replace

from agent.material import Material, Part, clip, gap
from agent.turn import Sentence, ToolResult
from agent.wording import HEADLINES, counted, found_by_words
from tools.evidence import CaseEvidence, DescriptionEvidence, Finding

LEAST_CASE_SIMILARITY = 0.5  # cosine; a case below does not resemble the image


def cases_part(material: Material, result: ToolResult) -> Part:
    """How the cases that resemble the image are labelled; copies of the image do not vote."""
    if result.image_id is None and material.named:
        return _named_part(material.named, result)
    found = [e for e in result.evidence if isinstance(e, CaseEvidence)]
    if unknown := unknown_image(result):
        told = () if material.of("describe_image") else (unknown,)
        return Part((*told, *_beside_an_unknown(found)))
    copies = tuple(_copy(e) for e in found if e.same_picture)
    others = [e for e in found if not e.same_picture]
    cases = [e for e in others if e.similarity >= LEAST_CASE_SIMILARITY]
    if not cases:
        return Part((*copies, _no_case(others, "other case" if copies else "case")))
    part = _voted(material, cases, result.image_id)
    return replace(part, sentences=(*copies, *part.sentences))


def _named_part(words: str, result: ToolResult) -> Part:
    """How the images are labelled that the words found."""
    cases = [e for e in result.evidence if isinstance(e, CaseEvidence)]
    if not cases:
        return Part(
            (gap(f'No image of the library is called "{words}" by its caption or labels.'),)
        )
    _, labels = _labels(cases)
    text = found_by_words(words, cases, labels)
    sentence = Sentence(text=text, evidence_ids=tuple(e.evidence_id for e in cases))
    return Part((sentence,), labels.most_common(1)[0][1] / len(cases))


def unknown_image(result: ToolResult) -> Sentence | None:
    """What is said where the result's image is of no kind that the model knows."""
    seen = (e for e in result.evidence if isinstance(e, DescriptionEvidence))
    found = next((e for e in seen if e.status == "abstained"), None)
    return (
        Sentence(text=found.text, evidence_ids=(found.evidence_id,), kind="gap") if found else None
    )


def _beside_an_unknown(cases: Sequence[CaseEvidence]) -> Iterator[Sentence]:
    if not cases:
        return
    _, labels = _labels(cases)
    text = f"{counted(cases, labels)} They are shown, and nothing is concluded from them."
    yield Sentence(text=text, evidence_ids=tuple(e.evidence_id for e in cases), kind="gap")


def _copy(case: CaseEvidence) -> Sentence:
    _, labels = _labels([case])
    text = f"This picture is in the library itself, labelled {next(iter(labels))}."
    return Sentence(text=text, evidence_ids=(case.evidence_id,))


def _voted(material: Material, cases: Sequence[CaseEvidence], image_id: str | None) -> Part:
    name, labels = _labels(cases)
    (label, most), *_ = labels.most_common()
    ids = tuple(e.evidence_id for e in cases)
    agreement = most / len(cases)
    closeness = sum(e.similarity for e in cases) / len(cases)
    sentence = Sentence(text=counted(cases, labels), evidence_ids=ids)
    part = Part((sentence,), clip(closeness * agreement))
    seen = _seen(material, name, image_id)
    return _compared(part, seen, label, ids) if seen and agreement > 0.5 else part


def _compared(
    part: Part, seen: tuple[DescriptionEvidence, Finding], label: str, ids: tuple[str, ...]
) -> Part:
    """Add whether what is seen and what most similar cases are labelled agree."""
    evidence, finding = seen
    agrees = finding.value.lower() == label.lower()
    text = (
        f"Most of them agree with what the model sees ({finding.value})."
        if agrees
        else f"This contradicts what the model sees ({finding.value}): most similar cases are"
        f" labelled {label}, so neither should be relied on without a look by an expert."
    )
    told = Sentence(text=text, evidence_ids=(evidence.evidence_id, *ids))
    return replace(part, sentences=(*part.sentences, told), contradicted=not agrees)


def _labels(cases: Sequence[CaseEvidence]) -> tuple[str, Counter[str]]:
    """The label that most of the cases carry, by its name, and its values by count."""
    names = Counter(name for e in cases for name in e.labels)
    rank = {name: i for i, name in enumerate(HEADLINES)}
    best = max(names, key=lambda name: (names[name], -rank.get(name, len(rank))), default="")
    return best, Counter(e.labels.get(best) or e.caption or "unlabelled" for e in cases)


def _seen(
    material: Material, name: str, image_id: str | None
) -> tuple[DescriptionEvidence, Finding] | None:
    """The finding of that name in the image whose cases these are, if it was described."""
    evidence = [e for r in material.of("describe_image") for e in r.evidence]
    described = [e for e in evidence if isinstance(e, DescriptionEvidence)]
    own = [e for e in described if e.image_id == image_id or len(described) == 1]
    found = [(e, f) for e in own for f in e.findings if f.name == name]
    return found[0] if found else None


def _no_case(found: Sequence[CaseEvidence], case: str) -> Sentence:
    if not found:
        return gap(f"The library holds no {'further ' * (case != 'case')}images to compare with.")
    closest = max(e.similarity for e in found)
    return gap(f"No {case} of the library resembles the image (closest: {closest:.2f}).")
