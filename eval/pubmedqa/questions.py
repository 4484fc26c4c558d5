"""The questions of PubMedQA's labelled part and the PMIDs that are asked (Jin et al. 2019).

`ori_pqal.json` is PMID -> {QUESTION, CONTEXTS, LABELS, …}, `test_ground_truth.json` PMID ->
decision. The conclusion of the abstract (LONG_ANSWER) is not read: it gives the answer away.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from eval.official import ANSWERS
from tools.errors import BadInputError


@dataclass(frozen=True)
class Question:
    """A question with what may be read to answer it."""

    pmid: str
    text: str
    contexts: tuple[str, ...]  # the sections of the abstract, without its conclusion
    labels: tuple[str, ...]  # a heading for each, e.g. "RESULTS"
    decision: str | None = None  # the truth, where the file tells it


def read_questions(path: Path) -> dict[str, Question]:
    """Every question of the file by PMID; BadInputError names the first that has no such form."""
    return {pmid: _question(path, pmid, entry) for pmid, entry in _object(path).items()}


def read_truth(path: Path) -> dict[str, str]:
    """PMID -> yes, no or maybe; BadInputError for anything else."""
    truth = _object(path)
    if wrong := [pmid for pmid, said in truth.items() if said not in ANSWERS]:
        raise BadInputError(
            f"{path}: {wrong[0]!r} has {truth[wrong[0]]!r}, not one of {', '.join(ANSWERS)}; a"
            " ground truth is an object from PMID to decision, like test_ground_truth.json"
        )
    return truth


def asked(questions: Mapping[str, Question], truth: Mapping[str, str]) -> list[Question]:
    """The questions whose PMIDs are in the ground truth; BadInputError where one is missing."""
    if missing := [pmid for pmid in truth if pmid not in questions]:
        raise BadInputError(
            f"{len(missing)} of {len(truth)} PMIDs of --ids are not in --data, the first is"
            f" {missing[0]}; give the file that the ground truth belongs to"
        )
    return [questions[pmid] for pmid in truth]


def _question(path: Path, pmid: str, entry: Any) -> Question:
    if not isinstance(entry, dict):
        raise BadInputError(f"{path}: the entry {pmid!r} is no object with QUESTION and CONTEXTS")
    text, contexts = entry.get("QUESTION"), entry.get("CONTEXTS")
    if not isinstance(text, str) or not text.strip() or not isinstance(contexts, list):
        raise BadInputError(f"{path}: the entry {pmid!r} lacks QUESTION (text) or CONTEXTS (list)")
    labels = [str(label).upper() for label in entry.get("LABELS") or ()]
    labels += [""] * (len(contexts) - len(labels))
    decision = entry.get("final_decision")
    known = decision if decision in ANSWERS else None
    return Question(
        pmid, text.strip(), tuple(map(str, contexts)), tuple(labels[: len(contexts)]), known
    )


def _object(path: Path) -> dict[str, Any]:
    try:
        found = json.loads(path.read_text(encoding="utf-8-sig"))
    except (OSError, ValueError) as e:
        raise BadInputError(f"{path} is not readable JSON ({e}); download it again") from e
    if not isinstance(found, dict) or not found:
        raise BadInputError(f"{path} is no JSON object by PMID, or an empty one")
    return found
