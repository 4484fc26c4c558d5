"""What similar cases bring to the descriptions of held-out cells, and what wrong ones spoil.

Every cell is described as in serving, without cases, with the nearest ones of a library, and with
decoys in their place; all ways are compared on the same cells. A decoy whose labels are those of
other cells of its type tells how much of a gain is nearness.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from eval import descriptions as metrics
from eval.descriptions import Facts, Metric, Pair
from eval.differences import difference, swapped
from eval.seeing import Looking, speakable
from finetune.neighbours import (
    NAMES,
    Library,
    Neighbours,
    Query,
    falsely_labelled,
    labelled_as_others,
    nearest,
    of_one_wrong_type,
    of_other_types,
    with_false,
)
from tools.describe_image import Advice, without_doubts
from tools.evidence import DescriptionEvidence
from tools.findings import facts_in
from tools.weighing import CaseRule

WAYS: Mapping[str, Neighbours] = {
    "with": nearest,
    "nearest_of_other_types": of_other_types,
    "nearest_of_one_wrong_type": of_one_wrong_type,
    "nearest_falsely_labelled": falsely_labelled,
    "nearest_labelled_as_others_of_their_type": labelled_as_others,
}
IN_TURN = "nearest_with_each_attribute_false_in_turn"
Told = dict[str, Any]


@dataclass(frozen=True)
class Description:
    """What is said of a cell: the likeliest of all options, what is claimed, what the text says."""

    likeliest: Facts
    claimed: Facts
    written: Facts
    weighed: bool = False


@dataclass(frozen=True, eq=False)
class Looked:
    """A batch before the model, and what is asked about each of its cells."""

    looking: Looking
    queries: Sequence[Query]

    def described(
        self, library: Library, rule: CaseRule, choose: Neighbours | None
    ) -> list[Description]:
        """The description of each cell; `choose` brings its cases, None: without any."""
        advice = None
        if choose:
            cases = [choose(query, library, rule.nearest) for query in self.queries]
            advice = Advice(rule, cases)
        pairs = zip(self.looking.describe(advice, 0.0), self.looking.describe(advice), strict=True)
        return [
            Description(
                _values(all_of_it), _values(seen), facts_in(without_doubts(seen.text)),
                bool(seen.weighed_with),
            )
            for all_of_it, seen in pairs
        ]  # fmt: skip

    def with_each_false(self, library: Library, rule: CaseRule) -> list[Description]:
        """Each attribute as it is described where it is false in every case."""
        ways = {name: self.described(library, rule, with_false(name)) for name in NAMES}
        return [_of_each({name: rows[i] for name, rows in ways.items()})
                for i in range(len(self.queries))]  # fmt: skip


def _values(seen: DescriptionEvidence) -> dict[str, str]:
    return {f.name: f.value for f in seen.findings}


def _of_each(ways: Mapping[str, Description]) -> Description:
    """Of each way the attribute of its name; what is no attribute is the same in all."""
    any_way = ways[NAMES[0]]

    def joined(of: str) -> Facts:
        rest = {n: v for n, v in getattr(any_way, of).items() if n not in NAMES}
        return rest | {n: v for n in NAMES if (v := getattr(ways[n], of).get(n)) is not None}

    return Description(joined("likeliest"), joined("claimed"), joined("written"), any_way.weighed)


def measured(batches: Iterable[Looked], library: Library, rule: CaseRule) -> Told:
    """Every way beside the description without cases; figures with intervals."""
    truths: list[Facts] = []
    said: dict[str, list[Description]] = {name: [] for name in ("without", *WAYS, IN_TURN)}
    for batch in batches:
        truths += [query.truth for query in batch.queries]
        for name, choose in {"without": None, **WAYS}.items():
            said[name] += batch.described(library, rule, choose)
        said[IN_TURN] += batch.with_each_false(library, rule)
    without = _pairs(truths, said["without"])
    return {"images": len(truths), "library": len(library.examples)} | {
        name: dict(_figures(_pairs(truths, rows), without))
        | {"weighed": sum(row.weighed for row in rows) / max(1, len(rows))}
        for name, rows in said.items()
    }


MEASURES: Mapping[str, Metric[Pair]] = {
    "attribute_macro_f1": metrics.macro_f1(NAMES),  # of the likeliest options
    "fact_f1": metrics.fact_f1,  # of what is claimed
    "text_fact_f1": metrics.fact_f1,  # of what the text that is shown says
}


def _pairs(truths: Sequence[Facts], said: Sequence[Description]) -> Mapping[str, Sequence[Pair]]:
    """The attributes of mature leukocytes, the facts of all cells that a text has words for."""
    both = list(zip(truths, said, strict=True))
    return {
        "attribute_macro_f1": [(t, one.likeliest) for t, one in both if NAMES[0] in t],
        "fact_f1": [(speakable(t), speakable(one.claimed)) for t, one in both],
        "text_fact_f1": [(speakable(t), one.written) for t, one in both],
    }


def _figures(
    ours: Mapping[str, Sequence[Pair]], without: Mapping[str, Sequence[Pair]]
) -> Iterator[tuple[str, Told]]:
    for key, metric in MEASURES.items():
        one = metrics.estimate(metric, ours[key])
        gain = difference(metric, ours[key], without[key])
        yield (
            key,
            {
                "value": one.value,
                "ci": [one.low, one.high],
                "difference": gain.value,
                "difference_ci": [gain.low, gain.high],
                "p": swapped(metric, ours[key], without[key]),
            },
        )
