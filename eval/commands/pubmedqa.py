"""Answer PubMedQA's questions with yes, no or maybe, and score the answers officially."""

import json
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from agent.settings import load_settings
from eval.commands.descriptions import make_room
from eval.watching import watch
from tools.errors import BadInputError

if TYPE_CHECKING:
    from eval.pubmedqa.answering import Answerer
    from eval.pubmedqa.retrieving import Retrieval

STOPPED = 130  # exit code
existing_file = click.Path(exists=True, dir_okay=False, path_type=Path)


@click.command()
@click.option("--data", type=existing_file, required=True, help="ori_pqal.json, or its like.")
@click.option("--ids", type=existing_file, required=True, help="test_ground_truth.json.")
@click.option(
    "--out", type=click.Path(dir_okay=False, path_type=Path), required=True,
    help="Predictions to write, PMID to decision, as the official script reads them.",
)  # fmt: skip
@click.option(
    "--read", type=click.Choice(["abstract", "library"]), default="abstract", show_default=True,
    help="What is read: the question's own abstract, or the best article the library finds.",
)  # fmt: skip
@click.option(
    "--by", type=click.Choice(["head", "text-model"]), default="head", show_default=True,
    help="Who decides: the trained head, or the model of CYTOSCRIBE_TEXT_MODEL.",
)  # fmt: skip
@click.option("--head", type=existing_file, help="A head of your own; default: the shipped one.")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object.")
@click.pass_context
def pubmedqa(ctx: click.Context, /, as_json: bool, **request: Any) -> None:
    """Answer PubMedQA's questions with yes, no or maybe, and score the answers officially.

    The conclusion of the abstract (LONG_ANSWER) is never read. Figures are accuracy and macro-F1,
    with 95% intervals (bootstrap over questions). A run that is stopped goes on where it was.

    \b
    Examples:
      cytoscribe eval pubmedqa --data ori_pqal.json --ids test_ground_truth.json --out said.json
      cytoscribe ingest literature ori_pqal.json
      cytoscribe eval pubmedqa … --read library --json
      CYTOSCRIBE_TEXT_MODEL=qwen3:8b CYTOSCRIBE_TEXT_MODEL_URL=http://127.0.0.1:11434/v1 \\
        cytoscribe eval pubmedqa … --by text-model

    Train a head of your own: python -m eval.pubmedqa.train --help
    """
    try:
        told = _evaluate(**request)
    except KeyboardInterrupt:
        click.echo("Stopped; run the same command again to go on.", err=True)
        ctx.exit(STOPPED)
    click.echo(json.dumps(told) if as_json else _in_words(told))


def _evaluate(
    data: Path, ids: Path, out: Path, read: str, by: str, head: Path | None
) -> dict[str, Any]:
    from eval.pubmedqa.answering import answer_all
    from eval.pubmedqa.questions import asked, read_questions, read_truth
    from eval.pubmedqa.scoring import figures

    make_room(out)
    truth = read_truth(ids)
    questions = asked(read_questions(data), truth)
    with ExitStack() as stack:
        answerer = _answerer(by, head)
        retrieval = stack.enter_context(_library()) if read == "library" else None
        answer = _reading(answerer, retrieval)
        tell = stack.enter_context(watch("Questions", len(questions)))
        said = answer_all(questions, answer, f"{answerer.name}, {read}", out, tell)
    return {
        "command": "eval pubmedqa", "questions": len(questions), "by": answerer.name, "read": read,
        **figures(truth, said),
        "own_abstract_found": retrieval.own_share if retrieval else None,
        "unreadable_replies": getattr(answerer, "unreadable", 0), "predictions": str(out),
    }  # fmt: skip


def _reading(answerer: "Answerer", retrieval: "Retrieval | None") -> "Callable[[Any], str]":
    return (lambda q: answerer.answer(retrieval(q))) if retrieval else answerer.answer


def _answerer(by: str, head: Path | None) -> "Answerer":
    if by == "head":
        from eval.pubmedqa.head import SHIPPED, Head

        return Head.read(head or SHIPPED)
    from agent.build import open_text_model
    from eval.pubmedqa.text_model import TextModelAnswerer

    if (model := open_text_model(load_settings())) is None:
        raise BadInputError("--by text-model needs a text model: set CYTOSCRIBE_TEXT_MODEL")
    return TextModelAnswerer(model.name, model.complete)


@contextmanager
def _library() -> "Iterator[Retrieval]":
    """Search of the library that the settings name."""
    from agent.build import library_encoder, open_reranker, open_store
    from eval.pubmedqa.retrieving import DEPTH, Retrieval
    from tools.literature_search import literature_search

    settings = load_settings()
    with open_store(settings) as store:
        encoder = library_encoder(settings, store)()
        rerank = open_reranker(settings, store)
        yield Retrieval(
            lambda text: literature_search(text, encoder, store, DEPTH, reranker=rerank)
        )


def _in_words(told: Mapping[str, Any]) -> str:
    """The figures, a line each."""
    lines = [f"{told['questions']} questions, decided by {told['by']}, reading the {told['read']}"]
    for key in ("accuracy", "macro_f1"):
        low, high = told[f"{key}_ci"]
        lines.append(f"{key.replace('_', ' '):<22}{told[key]:.3f} ({low:.3f}–{high:.3f})")
    lines.append(f"{'always the commonest':<22}{told['majority_accuracy']:.3f}")
    if told["own_abstract_found"] is not None:
        lines.append(f"{'own abstract found':<22}{told['own_abstract_found']:.3f}")
    if told["unreadable_replies"]:
        lines.append(f"{told['unreadable_replies']} replies had no answer and count as maybe")
    return "\n".join([*lines, f"Predictions: {told['predictions']}"])
