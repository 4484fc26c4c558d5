"""The rule by which similar cases weigh on what a checkpoint sees, where one was fitted for it.

It lies beside the weights (`similar_cases.json`, made by `python -m finetune.weighing`) and names
them by their SHA-256; beside other weights no case weighs anything.
"""

from pathlib import Path

from agent.fitted import load_fitted
from tools.weighing import CaseRule

SIMILAR_CASES = "similar_cases.json"


def load_case_rule(folder: Path) -> CaseRule | None:
    """The rule of the weights in a folder; None where there is none, or it is of others.

    Raises BadInputError where its file is damaged.
    """
    return load_fitted(folder / SIMILAR_CASES, "rule for similar cases", CaseRule.from_json)
