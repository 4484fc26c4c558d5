"""Evidence as HTML: findings with their probability, a gallery of cases, passages with PMIDs.

Every text is escaped; numbers in brackets are those the answer cites. It knows nothing of how
evidence is found, and draws nothing itself.
"""

from base64 import b64encode
from collections.abc import Callable, Mapping, Sequence
from html import escape
from itertools import chain
from pathlib import Path
from typing import NamedTuple

from agent.wording import HEADLINES
from page.text import shortened
from tools.evidence import (
    CaseEvidence,
    DescriptionEvidence,
    Evidence,
    Finding,
    LiteratureEvidence,
)

PUBMED = "https://pubmed.ncbi.nlm.nih.gov/"
_PREVIEW = 220  # characters of a passage before it is unfolded


class Panel(NamedTuple):
    """A group of evidence: its title, and its HTML."""

    title: str
    html: str


class Numbers:
    """The number of each evidence of a turn, and the anchor its citations lead to."""

    def __init__(self, turn_id: str, evidence: Sequence[Evidence]) -> None:
        order = ("description", "case", "literature")
        ranked = sorted(evidence, key=lambda e: order.index(e.kind))
        ids = dict.fromkeys(e.evidence_id for e in ranked)
        self._numbers = {evidence_id: n for n, evidence_id in enumerate(ids, 1)}
        self._turn_id = turn_id

    def __getitem__(self, evidence_id: str) -> int:
        return self._numbers[evidence_id]

    def anchor(self, evidence_id: str) -> str:
        return escape(f"{evidence_id}-{self._turn_id}")

    def marker(self, evidence_id: str) -> str:
        """`[3]`, leading to the evidence."""
        return f'<a class="cite" href="#{self.anchor(evidence_id)}">[{self[evidence_id]}]</a>'

    def label(self, evidence_id: str) -> str:
        """`[3]` beside the evidence itself."""
        return f'<b class="cite" id="{self.anchor(evidence_id)}">[{self[evidence_id]}]</b>'


def panels(
    evidence: Sequence[Evidence], numbers: Numbers, thumbnail: Callable[[str], bytes | None]
) -> list[Panel]:
    """The panels that have something to show; `thumbnail` gives the JPEG of a library image."""
    seen = [e for e in evidence if isinstance(e, DescriptionEvidence)]
    cases = [e for e in evidence if isinstance(e, CaseEvidence)]
    passages = [e for e in evidence if isinstance(e, LiteratureEvidence)]
    made = []
    if seen:
        made.append(Panel("What the model sees", "".join(_description(e, numbers) for e in seen)))
    if cases:
        cards = "".join(_case(e, numbers, thumbnail(e.image_id)) for e in cases)
        made.append(Panel(f"Similar cases ({len(cases)})", f'<div class="gallery">{cards}</div>'))
    if passages:
        items = "".join(_passage(e, numbers) for e in passages)
        made.append(Panel(f"Literature ({len(passages)})", f'<div class="passages">{items}</div>'))
    return made


def _description(seen: DescriptionEvidence, numbers: Numbers) -> str:
    sure = "" if seen.probability is None else f", probability {seen.probability:.0%}"
    text = f"<p>{numbers.label(seen.evidence_id)} {escape(seen.text)}</p>"
    source = f'<p class="quiet">{escape(seen.model)}{sure}</p>'
    beside = f"<p>{escape(seen.comparison)}</p>" if seen.comparison else ""
    shown = f"{text}{_findings(seen.findings)}{beside}{_overlay(seen.overlay)}{source}"
    return f'<section class="description">{shown}</section>'


def _overlay(path: str | None) -> str:
    """The picture of what was measured, while its file is there."""
    if path is None or not (file := Path(path)).is_file():
        return ""
    data = b64encode(file.read_bytes()).decode()
    return (
        f'<figure class="overlay"><img src="data:image/png;base64,{data}" style="max-width:100%"'
        ' alt="Outlines of what was measured"><figcaption class="quiet">measured, not seen by the'
        " model</figcaption></figure>"
    )


def _findings(findings: Sequence[Finding]) -> str:
    if not findings:
        return ""
    head = "<tr><th>Finding</th><th>Value</th><th>Probability</th><th>Origin</th></tr>"
    rows = "".join(_finding(f) for f in findings)
    return f'<table class="findings"><thead>{head}</thead><tbody>{rows}</tbody></table>'


def _finding(finding: Finding) -> str:
    name = escape(finding.name.replace("_", " "))
    value = escape(f"{finding.value} {finding.unit or ''}".strip())
    return (
        f"<tr><td>{name}</td><td><strong>{value}</strong></td>"
        f"<td>{_probability(finding.probability)}</td><td>{finding.origin}</td></tr>"
    )


def _probability(probability: float | None) -> str:
    if probability is None:
        return "—"
    share = f"{probability:.0%}"
    bar = f'<span class="bar" aria-hidden="true"><i style="width:{share}"></i></span>'
    return f"{bar} {share}"


def _case(case: CaseEvidence, numbers: Numbers, jpeg: bytes | None) -> str:
    title = _title(case)
    badge = '<span class="badge simulated">simulated</span> ' if case.simulated else ""
    badge += '<span class="badge">your picture</span> ' if case.same_picture else ""
    copies = f" · {case.folded} more of this picture" if case.folded else ""
    return (
        f"<figure>{_picture(jpeg, case.caption or title)}<figcaption>"
        f"{numbers.label(case.evidence_id)} <strong>{escape(title)}</strong> {badge}<br>"
        f"{_likeness(case)}{copies}<br>"
        f'<span class="quiet">{escape(case.source)} · {escape(case.licence)}</span>'
        f"{_labels(case.labels)}</figcaption></figure>"
    )


def _likeness(case: CaseEvidence) -> str:
    kind = "similarity" if case.found_by == "image" else "words and caption"
    return f"{kind} {case.similarity:.2f}"


def _title(case: CaseEvidence) -> str:
    """The label that names the case, else any of its labels, else its caption."""
    named = (case.labels[name] for name in HEADLINES if name in case.labels)
    others = (f"{name.replace('_', ' ')} {value}" for name, value in sorted(case.labels.items()))
    return next(chain(named, others), case.caption or "no label")


def _labels(labels: Mapping[str, str]) -> str:
    """All labels, folded."""
    if not labels:
        return ""
    count = f"{len(labels)} label{'s' if len(labels) > 1 else ''}"
    items = "".join(
        f"<li>{escape(name.replace('_', ' '))}: {escape(value)}</li>"
        for name, value in sorted(labels.items())
    )
    return f"<details><summary>{count}</summary><ul>{items}</ul></details>"


def _picture(jpeg: bytes | None, alt: str) -> str:
    if jpeg is None:
        return '<div class="no-picture">no preview</div>'
    data = b64encode(jpeg).decode()
    return f'<img src="data:image/jpeg;base64,{data}" alt="{escape(alt, quote=True)}">'


def _passage(passage: LiteratureEvidence, numbers: Numbers) -> str:
    return (
        f"<article>{numbers.label(passage.evidence_id)} "
        f"<strong>{escape(passage.title or 'Untitled')}</strong> {_badges(passage)}"
        f"<br>{_reference(passage)}{_text(passage)}</article>"
    )


def _badges(passage: LiteratureEvidence) -> str:
    ours = "" if passage.quoted else '<span class="badge">our summary</span> '
    withdrawn = '<span class="badge retracted">retracted</span>' if passage.retracted else ""
    return ours + withdrawn


def _reference(passage: LiteratureEvidence) -> str:
    year = str(passage.year) if passage.year else ""
    parts = [escape(part) for part in (passage.journal, year, passage.section) if part]
    near = f"similarity {passage.similarity:.2f}"
    likely = [] if passage.support is None else [f"support {passage.support:.2f}"]
    return " · ".join([*parts, near, *likely, _link(passage)])


def _link(passage: LiteratureEvidence) -> str:
    if not passage.pmid:
        return escape(passage.source_id)
    pmid = escape(passage.pmid, quote=True)
    return f'<a href="{PUBMED}{pmid}/" target="_blank" rel="noopener">PMID {pmid}</a>'


def _text(passage: LiteratureEvidence) -> str:
    mark = ("“", "”") if passage.quoted else ("", "")
    whole = escape(f"{mark[0]}{passage.passage}{mark[1]}")
    if len(passage.passage) <= _PREVIEW:
        return f"<p>{whole}</p>"
    start = escape(mark[0] + shortened(passage.passage, _PREVIEW))
    return f"<details><summary><span>{start}</span></summary><p>{whole}</p></details>"
