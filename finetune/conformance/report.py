"""Results in words: a line a case, and at the end a line a check."""

from collections import Counter
from collections.abc import Iterator, Sequence

from finetune.conformance.result import Result

MEANS = {
    "adapter": "the adapter sits only where it was asked for",
    "labels": "labels cover the answer and <eos>, nothing else",
    "tokens": "training and serving build the same tokens",
    "future": "no answer token sees its future",
    "prefix": "the prefix sees itself both ways (isolated: the image sees no text)",
    "image": "image tokens see each other both ways",
    "mates": "padding and batch mates change nothing",
    "cache": "cached generation equals teacher forcing",
    "masks": "who sees whom, with this attention",
}


def line(result: Result) -> str:
    """One case: verdict, where, and what was measured against which limit."""
    measured = ""
    if result.measured is not None:
        measured = f"{result.measured:.2g}, must be {result.must} {result.limit:.2g}"
    said = "; ".join(filter(None, (measured, result.detail)))
    return f"{result.status:8}{result.check:9}{result.case!s:27}{said}"


def summary(results: Sequence[Result]) -> Iterator[str]:
    """One line a check, in the order they were run."""
    yield ""
    for check in dict.fromkeys(result.check for result in results):
        counted = Counter(result.status for result in results if result.check == check)
        numbers = ", ".join(f"{number} {status}" for status, number in sorted(counted.items()))
        yield f"{'FAIL' if counted['failed'] else 'ok':6}{check:9}{MEANS[check]}: {numbers}"
