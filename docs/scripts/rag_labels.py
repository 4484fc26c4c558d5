"""The labels of eval/data/rag: what the second pass reads, and whether the rows follow from both.

python docs/scripts/rag_labels.py pool     # questions in another order, each with ten summaries
python docs/scripts/rag_labels.py check    # agreement of the passes; fails if rows differ
"""

import json
import math
import random
import re
import sys
from collections import Counter
from collections.abc import Iterable
from typing import Any

from eval.rag.references import is_article
from eval.rag.rows import SHIPPED, read_rows
from eval.rag.verdicts import kappa
from tools.starter import bibliography

DATA = SHIPPED.parent
FIELDS = ("reference_ids", "reference_tools", "abstain")
TOOLS = ("describe_image", "image_search", "literature_search")
DEPTH = 10


def words(text: str) -> set[str]:
    """Lower-case words cut to six letters, without the commonest."""
    found = re.findall(r"[a-z0-9]{3,}", text.lower())
    return {word[:6] for word in found} - {"the", "and", "what", "which", "with", "are", "does"}


def pool() -> None:
    """Print the questions in the order of seed 7 with the summaries that share rare words."""
    articles = [(a.source_id, f"{a.title} {a.passages[0].text}") for a in bibliography()]
    seen = Counter(word for _, text in articles for word in words(text))
    rows = list(read_rows(SHIPPED))
    random.Random(7).shuffle(rows)
    for row in rows:
        asked = words(row.question)

        def weight(text: str, asked: set[str] = asked) -> float:
            return sum(math.log(len(articles) / seen[w]) for w in asked & words(text))

        print(f"\n## {row.id}: {row.question} {'[image]' if row.image else ''}")
        for source, text in sorted(articles, key=lambda a: -weight(a[1]))[:DEPTH]:
            print(f"  {source} {weight(text):.1f} {text}")


def read(name: str) -> dict[str, dict[str, Any]]:
    lines = (DATA / name).read_text(encoding="utf-8").splitlines()
    return {row["id"]: row for row in map(json.loads, lines)}


def articles(labels: dict[str, Any]) -> set[str]:
    return {one for one in labels["reference_ids"] if is_article(one)}


def agreement() -> dict[str, float | int | None]:
    """How far the two passes agree, over all rows."""
    a, b = read("labels-a.jsonl"), read("labels-b.jsonl")
    ids = [one.source_id for one in bibliography()]
    relevant = [(one in articles(a[k]), one in articles(b[k])) for k in a for one in ids]
    tools = [
        (tool in a[k]["reference_tools"], tool in b[k]["reference_tools"])
        for k in a
        for tool in TOOLS
    ]
    either = [k for k in a if articles(a[k]) | articles(b[k])]
    return {
        "rows": len(a),
        "rows_alike": sum(all(same(a[k][f], b[k][f]) for f in FIELDS) for k in a),
        "article_kappa": kappa(relevant),
        "article_jaccard": sum(jaccard(articles(a[k]), articles(b[k])) for k in either)
        / len(either),
        "article_rows_alike": sum(articles(a[k]) == articles(b[k]) for k in either),
        "article_rows": len(either),
        "tool_kappa": kappa(tools),
        "abstain_kappa": kappa([(a[k]["abstain"], b[k]["abstain"]) for k in a]),
    }


def jaccard(a: set[str], b: set[str]) -> float:
    return len(a & b) / len(a | b)


def same(a: Any, b: Any) -> bool:
    return set(a) == set(b) if isinstance(a, list) else bool(a == b)


def problems() -> Iterable[str]:
    """Rows that are not what both passes say, or, where they differ, the resolution."""
    a, b, resolved = (read(f"{name}.jsonl") for name in ("labels-a", "labels-b", "resolved"))
    for row in read_rows(SHIPPED):
        final = json.loads(row.model_dump_json())
        for field in FIELDS:
            ours, theirs = a[row.id][field], b[row.id][field]
            settled = resolved.get(row.id, {}).get(field, None if not same(ours, theirs) else ours)
            if settled is None:
                yield f"{row.id}: {field} differs between the passes and is not resolved"
            elif not same(final[field], settled):
                yield f"{row.id}: {field} is {final[field]}, but the labels say {settled}"


if __name__ == "__main__":
    if sys.argv[1:] == ["pool"]:
        pool()
    elif sys.argv[1:] == ["check"]:
        print(json.dumps(agreement(), indent=1))
        found = list(problems())
        sys.exit("\n".join(found) or 0)
    else:
        sys.exit(__doc__)
