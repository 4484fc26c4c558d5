"""A run of `eval rag` as an experiment on a data set in Langfuse, when its keys are set.

The rows become the items of a data set named by their digest, the answers and scores an experiment
run on it; each item names the trace of its turn. Files come first: what Langfuse does not take is
sent again by the same command. Images are not sent, only their names.
"""

from collections.abc import Sequence
from typing import Any

import httpx

from agent.settings import Settings
from eval.rag.folder import Done, Run
from eval.rag.measured import MEANINGS
from eval.rag.rows import Row
from eval.rag.summary import figures, known, value_of

SECONDS = 10  # limit of one request
AT_ONCE = 4


def send(
    settings: Settings, run: Run, rows: Sequence[Row], done: Sequence[Done], name: str
) -> str:  # fmt: skip
    """Send the run as `name`; what to tell of it, also where Langfuse did not take it."""
    from langfuse.api.core import ApiError

    client = _client(settings)
    try:
        return _send(client, run, rows, {one.answered.id: one for one in done}, name)
    except (ApiError, httpx.HTTPError) as error:
        return (
            f"Langfuse at {settings.langfuse_base_url} did not take the run "
            f"({type(error).__name__}: {error}); the files are complete, and the same command with "
            "--out sends them again"
        )
    finally:
        client.shutdown()


def _client(settings: Settings) -> Any:
    from langfuse import Langfuse

    secret = settings.langfuse_secret_key
    return Langfuse(
        public_key=settings.langfuse_public_key,
        secret_key=secret.get_secret_value() if secret else None,
        base_url=settings.langfuse_base_url,
        timeout=SECONDS,
    )


def _send(client: Any, run: Run, rows: Sequence[Row], done: dict[str, Done], name: str) -> str:
    dataset = f"cytoscribe-rag-{run.dataset_digest}"
    client.create_dataset(name=dataset, metadata={"rows": run.rows, "file": run.dataset})
    items = [_item(client, dataset, row, done[row.id]) for row in rows]
    answers = {one.answered.id: one.answered.answer for one in done.values()}

    def answer(*, item: Any, **_: Any) -> str:
        return answers[item.metadata["row"]]

    def scores(*, metadata: Any, **_: Any) -> list[Any]:
        return _scores(done[metadata["row"]])

    def means(*, item_results: Any, **_: Any) -> list[Any]:
        return _means(list(done.values()))

    client.run_experiment(
        name=dataset,
        run_name=name,
        data=items,
        task=answer,
        evaluators=[scores],
        run_evaluators=[means],
        max_concurrency=AT_ONCE,
        metadata={"model": run.model, "settings": run.settings_hash, "judge": run.judge or "none"},
    )
    return f"Langfuse has the run {name!r} of the data set {dataset!r} ({len(items)} items)."


def _item(client: Any, dataset: str, row: Row, done: Done) -> Any:
    """A row as an item; creating it again changes nothing."""
    return client.create_dataset_item(
        dataset_name=dataset,
        id=f"{dataset}-{row.id}",
        input={"question": row.question, "image": row.image},
        expected_output=row.model_dump(
            mode="json", include={"reference_answer", "reference_ids", "reference_tools", "abstain"}
        ),
        metadata={"row": row.id, "kind": row.kind, "trace": done.answered.trace_id},
    )


def _scores(done: Done) -> list[Any]:
    from langfuse import Evaluation

    return [
        Evaluation(name=name, value=value)
        for name in MEANINGS
        for value in known([value_of(done, name)])
    ]


def _means(rows: Sequence[Done]) -> list[Any]:
    from langfuse import Evaluation

    told = figures(rows)
    return [
        Evaluation(name=f"mean_{name}", value=told[name], comment=f"95%: {told[f'{name}_ci']}")
        for name in MEANINGS
        if told[name] is not None
    ]
