"""Reference verdicts: answers that are faithful or not, to the point or not, by construction.

Each answer restates its context, or restates it with one thing changed; each question is the one
it answers, or another. How often a judge says the same is its agreement.
"""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from eval.descriptions import estimate, mean_value
from eval.rag.references import image_bytes
from eval.ragas_metrics import Sample
from tools.evidence import Frozen

FILE = Path(__file__).parent.parent / "data" / "rag" / "judge.jsonl"
YES = 0.5  # a score above it says yes


class Verdict(Frozen):
    """A question, an answer, what it rests on, and what a judge should say."""

    id: str
    question: str
    answer: str
    contexts: tuple[str, ...]
    image: str | None = None
    faithful: bool
    relevant: bool

    def sample(self) -> tuple[Sample, bytes | None]:
        """As a turn is judged."""
        image = image_bytes(self.image, FILE.parent) if self.image else None
        told: dict[str, Any] = dict.fromkeys(Sample.__dataclass_fields__, ())
        told |= {"question": self.question, "answer": self.answer, "claims": self.answer}
        return Sample(**told | {"contexts": self.contexts, "reference_answer": ""}), image

    def truth(self, metric: str) -> bool:
        """What the judge should say under a metric of `eval.rag.measured.JUDGED`."""
        return self.faithful if metric.endswith("faithfulness") else self.relevant


class Judged(Frozen):
    """What a judge said of a verdict's answer."""

    id: str
    scores: dict[str, float | None]
    unreadable: tuple[str, ...] = ()


def read_verdicts(path: Path = FILE) -> tuple[Verdict, ...]:
    """The verdicts, one a line."""
    lines = path.read_text(encoding="utf-8").splitlines()
    return tuple(Verdict.model_validate_json(line) for line in lines)


def agreement(
    judged: Sequence[Judged], verdicts: Sequence[Verdict], metrics: Sequence[str]
) -> dict[str, Any]:
    """`judge_agreement_<metric>` with its interval and `judge_kappa_<metric>`; how many of each."""
    said = {one.id: one.scores for one in judged}
    told: dict[str, Any] = {"measured_on": {}}
    for metric in metrics:
        pairs = [
            (score > YES, verdict.truth(metric))
            for verdict in verdicts
            if (score := said.get(verdict.id, {}).get(metric)) is not None
        ]
        found = estimate(mean_value(), [float(a == b) for a, b in pairs])
        told["measured_on"][f"judge_agreement_{metric}"] = len(pairs)
        told[f"judge_agreement_{metric}"] = found.value if pairs else None
        told[f"judge_agreement_{metric}_ci"] = [found.low, found.high] if pairs else None
        told[f"judge_kappa_{metric}"] = kappa(pairs)
    return told


def kappa(pairs: Sequence[tuple[object, object]]) -> float | None:
    """Cohen's kappa (1960) of two raters; None where chance alone would agree always."""
    if not pairs:
        return None
    n = len(pairs)
    ours, theirs = [a for a, _ in pairs], [b for _, b in pairs]
    chance = sum(ours.count(one) * theirs.count(one) for one in set(ours)) / n**2
    observed = sum(a == b for a, b in pairs) / n
    return (observed - chance) / (1 - chance) if chance < 1 else None
