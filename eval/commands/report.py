"""Write the key measures on one page: accuracy, time, satisfaction, retrieval, routing, cost."""

from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

import click

from agent.settings import Settings, load_settings

if TYPE_CHECKING:
    from eval.quality.report import Report


@click.command()
@click.option(
    "--out", type=click.Path(file_okay=False, path_type=Path), default="report",
    show_default=True, help="Folder for report.html, report.md, report.json and plots/.",
)  # fmt: skip
@click.option(
    "--results", type=click.Path(exists=True, file_okay=False, path_type=Path),
    help="Folder of what `cytoscribe eval … --json` printed; default: results/ in the data folder.",
)  # fmt: skip
@click.option("--since", type=click.DateTime(("%Y-%m-%d",)), help="Only turns from this day on.")
@click.option("--comments", is_flag=True, help="Show the newest comments of users, too.")
@click.option("--json", "as_json", is_flag=True, help="Print the report as JSON; write no files.")
def report(
    out: Path, results: Path | None, since: datetime | None, comments: bool, as_json: bool
) -> None:
    """Write the key measures of this installation on one page.

    Accuracy, retrieval and routing are read from the results of `cytoscribe eval …`; time,
    satisfaction and cost from the stored turns. What has no result is "not measured".

    \b
    Examples:
      cytoscribe report
      cytoscribe report --results docs/benchmarks --out quality/
      cytoscribe report --since 2026-11-01 --json
    """
    made = _gather(load_settings(), results, since, comments)
    if as_json:
        click.echo(made.model_dump_json(indent=1))
        return
    from eval.document import write
    from eval.quality.page import TITLE, parts

    out.mkdir(parents=True, exist_ok=True)
    markdown, html = write(TITLE, list(parts(made)), out, "report")
    (out / "report.json").write_text(made.model_dump_json(indent=1) + "\n", "utf-8")
    click.echo(f"{made.turns:,} turns, {len(made.measured)} results: {html} and {markdown}")


def _gather(
    settings: Settings, results: Path | None, since: datetime | None, comments: bool
) -> "Report":
    from agent.build import open_store
    from eval.quality.cost import prices_of
    from eval.quality.report import gather, results_folder

    folder = results or results_folder(settings)
    start = since.replace(tzinfo=UTC) if since else None
    with open_store(settings) as store:
        return gather(
            store.turns_with_feedback(start), folder, prices_of(settings),
            tokens=store.tokens(start), remarks=store.remarks(), with_comments=comments,
        )  # fmt: skip
