"""What a question takes for granted of an image, held against what is seen.

"Why is this a basophil?" of a neutrophil must not be answered as if it were one: whatever kind of
cell or attribute the question names and the model did not find is told, and the model's own answer
to such a question is left out, since the question led it. Which words name something is for
`tools.findings` to say; whether a finding is right nobody here knows.
"""

from collections.abc import Iterator, Mapping

from agent.turn import Sentence
from agent.wording import HEADLINES, article, headline
from tools.evidence import DescriptionEvidence, Finding
from tools.findings import facts_in
from tools.findings.cells_named import cells_named


def unseen(words: str, seen: DescriptionEvidence) -> tuple[str, ...]:
    """What the words name of the image and the model did not find there: ("a basophil",)."""
    found = {f.name: f.value for f in seen.findings if f.origin == "seen"}
    kinds = {found[name] for name in HEADLINES if name in found}
    counted = " ".join(f.name for f in seen.findings if f.value not in ("no", "0"))
    cells = [
        article(kind)
        for kind in cells_named(words)
        if kind not in kinds and kind.replace(" ", "_") not in counted
    ]
    return tuple(dict.fromkeys([*cells, *_other_facts(words, found)]))


def _other_facts(words: str, found: Mapping[str, str]) -> Iterator[str]:
    """Attributes that the words state otherwise than they were found."""
    for name, value in facts_in(words).items():
        if name not in HEADLINES and found.get(name, value) != value:
            yield f"{name.replace('_', ' ')} {value}"


def corrected(question: str, seen: DescriptionEvidence) -> list[Sentence]:
    """A sentence that denies what the question takes for granted; none where nothing is."""
    named = unseen(question, seen)
    if not named:
        return []
    speaks = f"The question speaks of {' and '.join(named)}"
    main = headline(seen)
    if main is None or main.name == "subject":
        text = f"{speaks}; nothing that the model is sure of in the image says so."
        return [Sentence(text=text, kind="gap")]
    text = f"{speaks}; that is not what the model sees."
    return [Sentence(text=text, evidence_ids=(seen.evidence_id,))]


def led(question: str, answer: Finding, seen: DescriptionEvidence) -> bool:
    """Whether the model's own answer may only echo the question, or contradicts a finding."""
    return bool(unseen(question, seen) or unseen(answer.value, seen))
