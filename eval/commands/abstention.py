"""Measure whether the literature part abstains where the library holds no answer."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from agent.settings import Settings, load_settings
from eval.commands.scratch import scratch
from eval.watching import watch
from tools.errors import BadInputError

if TYPE_CHECKING:
    from eval.abstention.asked import Questions

existing = click.Path(exists=True, dir_okay=False, path_type=Path)


@click.command()
@click.option(
    "--beir", type=click.Path(exists=True, file_okay=False, path_type=Path),
    help="Folder with corpus.jsonl, queries.jsonl and qrels/*.tsv.",
)  # fmt: skip
@click.option("--corpus", type=existing, help="Its corpus, where it lies elsewhere.")
@click.option("--split", help="Name of the qrels; default: test, or the only one.")
@click.option("--pubmedqa", type=existing, help="PubMedQA's questions, in place of --beir.")
@click.option("--ids", type=existing, help="Ask only the PMIDs of this ground truth.")
@click.option(
    "--also", multiple=True, type=click.Path(exists=True, path_type=Path),
    help="Further literature for the library, so that it is harder to tell.",
)  # fmt: skip
@click.option("--limit", type=click.IntRange(min=1), help="Ask only the first questions.")
@click.option(
    "--cache", type=click.Path(file_okay=False, path_type=Path),
    help="Keep vectors in this folder, so that a second run need not make them again.",
)  # fmt: skip
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object.")
def abstention(
    beir: Path | None, corpus: Path | None, split: str | None, pubmedqa: Path | None,
    ids: Path | None, also: tuple[Path, ...], limit: int | None, cache: Path | None, as_json: bool,
) -> None:  # fmt: skip
    """Measure whether the literature part abstains where the library holds no answer.

    Every question is asked twice: with the articles that answer it in the library, and without
    them. With them it should be answered from one of them, without them not at all. The library is
    one of its own that is thrown away. What is quoted is decided as in a turn.

    \b
    Examples:
      cytoscribe eval abstention --beir scifact/ --json
      cytoscribe eval abstention --pubmedqa ori_pqal.json --ids test_ground_truth.json
      cytoscribe eval abstention --pubmedqa ori_pqal.json --also scifact/corpus.jsonl
    """
    if (beir is None) == (pubmedqa is None):
        raise click.UsageError("name one of --beir and --pubmedqa")
    questions = _questions(beir, corpus, split, pubmedqa, ids)
    told = {
        "command": "eval abstention",
        "questions": questions.name,
        **_measured(load_settings(), questions, also, limit, cache),
        "research_use_only": True,
    }
    click.echo(json.dumps(told, ensure_ascii=False) if as_json else in_words(told))


def _questions(
    beir: Path | None, corpus: Path | None, split: str | None, pubmedqa: Path | None,
    ids: Path | None,
) -> "Questions":  # fmt: skip
    from eval.abstention.asked import of_beir, of_pubmedqa

    if beir is not None:
        return of_beir(beir, corpus, split)
    assert pubmedqa is not None
    return of_pubmedqa(pubmedqa, ids)


def _measured(
    settings: Settings, questions: "Questions", also: tuple[Path, ...], limit: int | None,
    cache: Path | None,
) -> dict[str, Any]:  # fmt: skip
    from agent.build import ROUTING_ENCODER, open_encoder, open_reranker, open_store
    from eval.abstention.asked import Corpus
    from eval.abstention.measuring import figures, fill, search
    from eval.cached_encoder import CachedEncoder
    from tools.support import Support

    corpora: list[Corpus] = [questions.corpus, *(Corpus(p, "auto", p.stem) for p in also)]
    encoder: Any = open_encoder(settings)
    judging = open_encoder(settings.model_copy(update={"text_encoder": ROUTING_ENCODER}))
    if cache:
        encoder = CachedEncoder(encoder, cache)
    with scratch(settings) as (own, _), open_store(own) as store:
        skipped = fill(corpora, store, encoder, watch)
        support = Support.shipped(store, judging)
        rerank, asked = open_reranker(own, store), questions.asked[:limit]
        found = list(search(asked, store, encoder, support, watch, rerank))
        counts = store.counts()
    if not found:
        raise BadInputError(f"{questions.corpus.path} holds no question with an article")
    library = {"documents": counts["articles"], "passages": counts["passages"], "skipped": skipped}
    return {"encoder": encoder.name, **library, **figures(found)}


def in_words(told: Mapping[str, Any]) -> str:
    """A line a figure."""

    def line(words: str, key: str) -> str:
        low, high = told[f"{key}_ci"]
        return f"  {words:52} {told[key]:.3f} ({low:.3f} to {high:.3f})"

    risks = {round(share, 2): risk for share, risk in told["risk_coverage"]}
    at = ", ".join(f"{risks[c]:.3f} at {c:.0%}" for c in (0.25, 0.5, 0.75, 1.0) if c in risks)
    return "\n".join(
        [
            f"{told['questions']}: {told['answerable']} questions, each with its articles in the "
            f"library of {told['documents']:,} and without them",
            line("without: abstains", "abstains_when_unanswerable"),
            line("with: answers, a relevant article among those quoted", "answers_with_relevant"),
            line("with: answers", "answers_when_answerable"),
            line("with: a relevant article was found", "found_when_answerable"),
            f"Wrong answers by share answered: {at}; AURC {told['aurc']:.3f} "
            f"(best possible {told['aurc_best']:.3f})",
            "Research use only.",
        ]
    )
