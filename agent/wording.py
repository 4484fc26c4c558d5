"""How evidence is put into words: short, in the model's own terms, with its numbers.

Every function takes evidence and returns text or a sentence that cites it. Whether there is enough
evidence to say it is decided by `agent/synthesis.py`.
"""

import re
from collections import Counter
from collections.abc import Sequence

from agent.turn import Sentence
from tools.describe_image import ANSWER
from tools.evidence import CaseEvidence, DescriptionEvidence, Finding, LiteratureEvidence

LISTED_FINDINGS = 5

# The finding that names what is shown, most telling first; `subject` is known of every image.
HEADLINES = ("cell_type", "red_cell_type", "tissue_type", "common_red_cell", "subject")
SETTING = ("subject", "modality", "stain")

_ABBREVIATION = re.compile(r"\b(?:vs|al|cf|no|figs?|e\.g|i\.e|approx|[A-Z])\. ", re.IGNORECASE)


def quote(passage: LiteratureEvidence, said: str) -> Sentence:
    """Words of a passage with their source; a summary of ours is never shown as a quotation."""
    where = ", ".join(str(x) for x in (passage.journal, passage.year) if x)
    named = f"{source(passage)} ({where})" if where else source(passage)
    text = f'{named}: "{said}"' if passage.quoted else f"Our summary of {named}: {said}"
    return Sentence(text=text, evidence_ids=(passage.evidence_id,))


def split_sentences(text: str) -> list[str]:
    """Sentences of scientific prose; "et al.", "e.g.", "Fig. 2" and initials do not end one."""
    kept = _ABBREVIATION.sub(lambda found: found[0].replace(" ", "\0"), text)
    parts = re.split(r"(?<=[.!?])\s+(?=[A-Z0-9(\"'])", kept)
    return [part.replace("\0", " ").strip() for part in parts if part.strip()] or [text]


def headline(seen: DescriptionEvidence) -> Finding | None:
    """The finding that names what is shown."""
    found = {f.name: f for f in seen.findings}
    return next((found[name] for name in HEADLINES if name in found), None)


def setting(seen: DescriptionEvidence, main: Finding) -> str:
    """What else was seen of the whole image: its subject, modality and stain."""
    shown = [f for f in seen.findings if f.name in SETTING and f.name != main.name]
    said = ", ".join(f"{f.value} ({f.probability:.2f})" for f in shown)
    return f"; the image as a whole: {said}" if said else ""


def details(question: str, seen: DescriptionEvidence, main: Finding | None) -> list[str]:
    """What else was found: what the question names if it names anything, else the surest."""
    told = {*SETTING, ANSWER, main.name if main else ""}
    rest = [f for f in seen.findings if f.name not in told and f.origin == "seen"]
    chosen = named(question, rest) or rest
    return [
        f"{f.name.replace('_', ' ')} {f.value}{f' {f.unit}' if f.unit else ''} {sure(f)}"
        for f in sorted(chosen, key=lambda f: -(f.probability or 0.0))[:LISTED_FINDINGS]
    ]


def beside_cases(seen: DescriptionEvidence) -> str:
    """A word on similar cases that took part in the findings, in brackets; else ""."""
    number = len(seen.weighed_with)
    return f" (weighed with {number} similar case{'s' * (number > 1)})" if number else ""


def free_answer(question: str, seen: DescriptionEvidence) -> Finding | None:
    """The model's own words on the question, unless a closed question was asked about the same.

    A closed question was asked in the words the model knows, and names its alternatives.
    """
    found = next((f for f in seen.findings if f.name == ANSWER), None)
    asked = [f for f in seen.findings if f.origin == "seen"]
    return None if named(question, asked) else found


def named(question: str, findings: Sequence[Finding]) -> list[Finding]:
    """The findings that the question speaks of."""
    return [f for f in findings if f.name not in (*SETTING, ANSWER) and _names(question, f.name)]


def _names(question: str, finding: str) -> bool:
    """Whether the question speaks of what a finding is about: "its nucleus", nucleus_shape."""
    roots = {"nuclear": "nucle", "nucleus": "nucle", "granularity": "granul", "granule": "granul"}
    words = [roots.get(word, word) for word in finding.split("_") if word not in ("type", "shape")]
    return any(re.search(rf"\b{re.escape(word)}", question, re.IGNORECASE) for word in words)


def sure(finding: Finding) -> str:
    """How sure a finding is, in brackets."""
    return (
        "(measured)" if finding.probability is None else f"(probability {finding.probability:.2f})"
    )


def article(noun: str) -> str:
    """The noun with "a" or "an", where it takes one."""
    plural_or_mass = noun.endswith(("nuclei", "tissue", "mucus", "muscle", "mucosa", "stroma"))
    return noun if plural_or_mass else f"{'an' if noun[0] in 'aeiou' else 'a'} {noun}"


def source(passage: LiteratureEvidence) -> str:
    """How a passage is cited."""
    return f"PMID {passage.pmid}" if passage.pmid else passage.source_id


def counted(cases: Sequence[CaseEvidence], labels: Counter[str]) -> str:
    """How many cases carry which label, how similar they are, and which are not real."""
    counts = ", ".join(f"{label} ({n})" for label, n in labels.most_common())
    high, low = (f"{f(e.similarity for e in cases):.2f}" for f in (max, min))
    span = high if high == low else f"{high} to {low}"
    one = len(cases) == 1
    these = "The most similar case is" if one else f"The {len(cases)} most similar cases are"
    return f"{these} labelled {counts} (similarity {span}){_drawn(cases)}."


def found_by_words(words: str, cases: Sequence[CaseEvidence], labels: Counter[str]) -> str:
    """How many cases carry which label of those that fit the words best."""
    counts = ", ".join(f"{label} ({n})" for label, n in labels.most_common())
    are = f"{len(cases)} images fit" if len(cases) > 1 else "1 image fits"
    return f'Of the library, {are} "{words}" best, labelled {counts}{_drawn(cases)}.'


def _drawn(cases: Sequence[CaseEvidence]) -> str:
    simulated = sum(e.simulated for e in cases)
    if simulated == len(cases):
        return "; simulated, not real" if simulated == 1 else "; all are simulated, not real"
    return f"; {simulated} of them simulated, not real" if simulated else ""
