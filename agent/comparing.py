"""Several images held against each other: in which findings they agree, and in which they differ.

Only findings that every image has are compared, each with how sure it is. It says nothing of which
difference matters.
"""

from collections.abc import Mapping, Sequence
from itertools import islice

from agent.material import Material, Part
from agent.turn import Sentence
from agent.wording import HEADLINES, SETTING, named, sure
from tools.describe_image import ANSWER
from tools.evidence import DescriptionEvidence, Finding

LISTED = 6  # findings of each kind

Row = tuple[Finding, ...]  # one finding, of each image


def comparison(material: Material) -> Part | None:
    """What the described images have in common and what not; None for fewer than two."""
    found = (e for result in material.of("describe_image") for e in result.evidence)
    known = (e for e in found if isinstance(e, DescriptionEvidence) and e.status == "described")
    described = {e.image_id: e for e in known}
    if len(described) < 2:
        return None
    names = [material.name(image_id) for image_id in described]
    rows = _in_order(material.question, _shared(list(described.values())))
    alike = [row for row in rows if len({f.value for f in row}) == 1]
    unlike = [row for row in rows if len({f.value for f in row}) > 1]
    told = [_alike(names, alike)] if alike else []
    told += [_unlike(names, unlike)] if unlike else []
    ids = tuple(e.evidence_id for e in described.values())
    return Part(tuple(Sentence(text=text, evidence_ids=ids) for text in told))


def _shared(described: Sequence[DescriptionEvidence]) -> list[Row]:
    """The findings that all of the images have."""
    tables: list[Mapping[str, Finding]] = [{f.name: f for f in e.findings} for e in described]
    first, *others = tables
    shared = [n for n in first if n != ANSWER and all(n in other for other in others)]
    return [tuple(table[name] for table in tables) for name in shared]


def _in_order(question: str, rows: Sequence[Row]) -> list[Row]:
    """What the question names first, then what is shown, then the surest."""
    asked = {f.name for f in named(question, [row[0] for row in rows])}

    def rank(row: Row) -> tuple[bool, int, float]:
        name, least = row[0].name, min(f.probability or 0.0 for f in row)
        place = HEADLINES.index(name) if name in HEADLINES else len(HEADLINES)
        return name not in asked, place + (name in SETTING), -least

    return sorted(rows, key=rank)


def _alike(names: Sequence[str], rows: Sequence[Row]) -> str:
    values = (f"{_finding(row)} {_value(row[0])}" for row in rows)
    return f"{_listed(names)} agree in {', '.join(islice(values, LISTED))}."


def _unlike(names: Sequence[str], rows: Sequence[Row]) -> str:
    said = (f"{_finding(row)} ({_each(names, row)})" for row in rows)
    return f"{_listed(names)} differ in {'; '.join(islice(said, LISTED))}."


def _each(names: Sequence[str], row: Row) -> str:
    told = zip(names, row, strict=True)
    return ", ".join(f"{name}: {_value(f)} {sure(f)}" for name, f in told)


def _finding(row: Row) -> str:
    return row[0].name.replace("_", " ")


def _value(finding: Finding) -> str:
    return f"{finding.value} {finding.unit}" if finding.unit else finding.value


def _listed(names: Sequence[str]) -> str:
    """The subject of a sentence: "Image 1, image 2 and image 3"."""
    return f"{', '.join(names[:-1])} and {names[-1]}".capitalize()
