"""Check that a checkpoint is trained and served with PaliGemma's own masks."""

import json
from pathlib import Path

import click

from finetune.conformance.result import Result


@click.command()
@click.argument("model", metavar="MODEL_OR_DIR")
@click.option(
    "--adapter", type=click.Path(exists=True, file_okay=False, path_type=Path),
    help="Folder of a PEFT adapter on the model.",
)  # fmt: skip
@click.option("--device", default="auto", show_default=True, help="auto, cpu, cuda, cuda:1, mps.")
@click.option(
    "--dtype", default="auto", show_default=True, help="auto, float32, bfloat16 or float16."
)
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object a line, a case.")
@click.pass_context
def conformance(
    ctx: click.Context, model: str, adapter: Path | None, device: str, dtype: str, as_json: bool
) -> None:
    """Check that a checkpoint is trained and served with PaliGemma's own masks.

    Who sees whom in training and in generation, eager and SDPA, with padding and without; labels;
    where an adapter sits; that training and serving read the same tokens. Each case is passed,
    failed or skipped, with what was measured and its limit. Exit code 1 if any failed.

    \b
    Examples:
      cytoscribe conformance google/paligemma2-3b-pt-224
      cytoscribe conformance agent/checkpoints/lite --json
      cytoscribe conformance CHECKPOINT --adapter runs/blood/adapter
    """
    from finetune.conformance.kit import conform
    from finetune.conformance.opening import open_subject
    from finetune.conformance.report import line, summary

    subject = open_subject(model, adapter, device=device, dtype=dtype)
    results: list[Result] = []
    for result in conform(subject, adapter):
        results.append(result)
        click.echo(json.dumps(result.as_json()) if as_json else line(result))
    if not as_json:
        click.echo("\n".join(summary(results)))
    ctx.exit(any(result.status == "failed" for result in results))
