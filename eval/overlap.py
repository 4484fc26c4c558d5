"""BLEU and ROUGE-L of generated texts, for the record: overlap of words is no measure of truth.

By sacrebleu (Post 2018, arXiv:1804.08771) and rouge-score (Lin 2004), which the extra `eval`
brings; without them the figures are None.
"""

from collections.abc import Sequence
from importlib.util import find_spec
from statistics import fmean

MISSING = "BLEU and ROUGE-L need sacrebleu and rouge-score: pip install 'cytoscribe[eval]'"


def bleu(texts: Sequence[str], references: Sequence[str]) -> float | None:
    """BLEU of a corpus, 0 to 1; None without texts or without sacrebleu."""
    if not texts or find_spec("sacrebleu") is None:
        return None
    from sacrebleu import corpus_bleu

    return min(1.0, float(corpus_bleu(list(texts), [list(references)]).score) / 100)


def rouge_l(texts: Sequence[str], references: Sequence[str]) -> float | None:
    """Mean F-measure of the longest common subsequence; None without texts or rouge-score."""
    if not texts or find_spec("rouge_score") is None:
        return None
    from rouge_score.rouge_scorer import RougeScorer

    scorer = RougeScorer(["rougeL"])
    pairs = zip(references, texts, strict=True)
    return fmean(scorer.score(reference, text)["rougeL"].fmeasure for reference, text in pairs)
