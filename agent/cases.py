"""Similar cases in an answer: their labels counted, and held against what is seen.

Beside an image that the model does not know they are shown, and claim nothing. Beside one that was
described they bear on how likely that is right, and have no probability of their own.
"""

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import replace

from agent.calibration import ImageCalibration
from agent.confidence import of_cases
from agent.material import Material, Part, gap
from agent.turn import Sentence, ToolResult
from agent.wording import HEADLINES, counted, found_by_words, headline
from tools.evidence import CaseEvidence, DescriptionEvidence, Evidence, Finding

LEAST_CASE_SIMILARITY = 0.5  # cosine; a case below does not resemble the image


def cases_part(
    material: Material, result: ToolResult, calibration: ImageCalibration | None
) -> Part:
    """How the cases that resemble the image are labelled; copies of the image do not vote."""
    if result.image_id is None and material.named:
        return _named_part(material.named, result)
    found = [e for e in result.evidence if isinstance(e, CaseEvidence)]
    if unknown := unknown_image(result):
        told = () if material.of("describe_image") else (unknown,)
        return Part((*told, *_beside_an_unknown(found)))
    copies = tuple(_copy(e) for e in found if e.same_picture)
    if not (cases := resembling(found)):
        others = [e for e in found if not e.same_picture]
        return Part((*copies, _no_case(others, "other case" if copies else "case")))
    part = _voted(material, cases, result.image_id, calibration)
    return replace(part, sentences=(*copies, *part.sentences))


def resembling(found: Sequence[Evidence]) -> list[CaseEvidence]:
    """The cases that are like the image and no copies of it: those that vote."""
    cases = (e for e in found if isinstance(e, CaseEvidence) and not e.same_picture)
    return [e for e in cases if e.similarity >= LEAST_CASE_SIMILARITY]


def cases_of(material: Material, image_id: str | None) -> list[CaseEvidence]:
    """The cases that vote on an image."""
    searched = [r for r in material.of("image_search") if r.image_id or not material.named]
    own = (r for r in searched if r.image_id == image_id or len(searched) == 1)
    return [case for result in own for case in resembling(result.evidence)]


def _named_part(words: str, result: ToolResult) -> Part:
    """How the images are labelled that the words found."""
    cases = [e for e in result.evidence if isinstance(e, CaseEvidence)]
    if not cases:
        return Part(
            (gap(f'No image of the library is called "{words}" by its caption or labels.'),)
        )
    _, labels = labels_of(cases)
    text = found_by_words(words, cases, labels)
    return Part((Sentence(text=text, evidence_ids=tuple(e.evidence_id for e in cases)),))


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
    _, labels = labels_of(cases)
    text = f"{counted(cases, labels)} They are shown, and nothing is concluded from them."
    yield Sentence(text=text, evidence_ids=tuple(e.evidence_id for e in cases), kind="gap")


def _copy(case: CaseEvidence) -> Sentence:
    _, labels = labels_of([case])
    text = f"This picture is in the library itself, labelled {next(iter(labels))}."
    return Sentence(text=text, evidence_ids=(case.evidence_id,))


def _voted(
    material: Material,
    cases: Sequence[CaseEvidence],
    image_id: str | None,
    calibration: ImageCalibration | None,
) -> Part:
    name, labels = labels_of(cases)
    (label, most), *_ = labels.most_common()
    ids = tuple(e.evidence_id for e in cases)
    told = [Sentence(text=counted(cases, labels), evidence_ids=ids)]
    seen = _seen(material, name, image_id)
    if seen and 2 * most > len(cases):
        told.append(_compared(seen, label, ids))
    if any(headline(e) for e in _described(material, image_id)):
        return Part(tuple(told))
    image = material.name(image_id) or "the image"
    return Part(tuple(told), of_cases(calibration, cases, name, label, image))


def _compared(
    seen: tuple[DescriptionEvidence, Finding], label: str, ids: tuple[str, ...]
) -> Sentence:
    """Whether what is seen and what most similar cases are labelled agree."""
    evidence, finding = seen
    agrees = finding.value.lower() == label.lower()
    text = (
        f"Most of them agree with what the model sees ({finding.value})."
        if agrees
        else f"This contradicts what the model sees ({finding.value}): most similar cases are"
        f" labelled {label}, so neither should be relied on without a look by an expert."
    )
    return Sentence(text=text, evidence_ids=(evidence.evidence_id, *ids))


def labels_of(cases: Sequence[CaseEvidence]) -> tuple[str, Counter[str]]:
    """The label that most of the cases carry, by its name, and its values by count."""
    names = Counter(name for e in cases for name in e.labels)
    rank = {name: i for i, name in enumerate(HEADLINES)}
    best = max(names, key=lambda name: (names[name], -rank.get(name, len(rank))), default="")
    return best, Counter(e.labels.get(best) or e.caption or "unlabelled" for e in cases)


def _seen(
    material: Material, name: str, image_id: str | None
) -> tuple[DescriptionEvidence, Finding] | None:
    """The finding of that name in the image whose cases these are, if it was described."""
    own = _described(material, image_id)
    found = [(e, f) for e in own for f in e.findings if f.name == name]
    return found[0] if found else None


def _described(material: Material, image_id: str | None) -> list[DescriptionEvidence]:
    """What was seen in the image whose cases these are."""
    evidence = [e for r in material.of("describe_image") for e in r.evidence]
    described = [e for e in evidence if isinstance(e, DescriptionEvidence)]
    return [e for e in described if e.image_id == image_id or len(described) == 1]


def _no_case(found: Sequence[CaseEvidence], case: str) -> Sentence:
    if not found:
        return gap(f"The library holds no {'further ' * (case != 'case')}images to compare with.")
    closest = max(e.similarity for e in found)
    return gap(f"No {case} of the library resembles the image (closest: {closest:.2f}).")
