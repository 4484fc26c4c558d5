"""The rule by which similar cases weigh on what a checkpoint sees, where one was fitted for it.

It lies beside the weights (`similar_cases.json`, made by `python -m finetune.weighing`) and names
them by their SHA-256; beside other weights no case weighs anything.
"""

import json
from pathlib import Path

from agent.adapters import are_pinned
from tools.errors import BadInputError
from tools.weighing import CaseRule

SIMILAR_CASES = "similar_cases.json"


def load_case_rule(folder: Path) -> CaseRule | None:
    """The rule of the weights in a folder; None where there is none, or it is of others.

    Raises BadInputError where its file is damaged.
    """
    if not (file := folder / SIMILAR_CASES).is_file():
        return None
    try:
        told = json.loads(file.read_text("utf-8"))
        rule, pins = CaseRule.from_json(told), dict(told["sha256"])
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise BadInputError(f"{file} is no rule for similar cases ({error}); remove it") from error
    return rule if are_pinned(folder, pins) else None
