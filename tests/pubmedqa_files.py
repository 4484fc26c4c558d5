"""PubMedQA's files as the official repository lays them out, with questions of our own."""

import json
from pathlib import Path

TOPICS = ["tea", "salt", "rest", "light", "noise", "dust", "heat", "rain", "milk", "iron"]
SAYS = {
    "yes": "{topic} was significantly associated with the outcome (p<0.01).",
    "no": "There was no difference between the groups with {topic} (p=0.41).",
    "maybe": "{topic} helped some groups, however others were worse.",
}


def write(folder: Path, tested: int = 10) -> tuple[Path, Path]:
    """ori_pqal.json of 30 questions and the ground truth of the last `tested`."""
    entries = {
        str(1000 + 3 * i + j): _entry(topic, answer)
        for i, topic in enumerate(TOPICS)
        for j, answer in enumerate(SAYS)
    }
    truth = {pmid: entries[pmid]["final_decision"] for pmid in list(entries)[-tested:]}
    data, ids = folder / "ori_pqal.json", folder / "test_ground_truth.json"
    data.write_text(json.dumps(entries))
    ids.write_text(json.dumps(truth))
    return data, ids


def _entry(topic: str, answer: str) -> dict[str, object]:
    return {
        "QUESTION": f"Is {topic} associated with the outcome?",
        "CONTEXTS": [f"We asked what {topic} does.", SAYS[answer].format(topic=topic.title())],
        "LABELS": ["BACKGROUND", "RESULTS"],
        "MESHES": [],
        "YEAR": "2001",
        "final_decision": answer,
        "LONG_ANSWER": f"So the answer is {answer}.",
    }
