"""Compare checkpoints and ways to adapt them on frozen splits, with controls."""

import json
from pathlib import Path

import click

SOME_FAILED = 3  # exit code


# fmt: off
@click.command(context_settings={"show_default": True})
@click.option("--config", "path", required=True, help="What is compared, as YAML.",
              type=click.Path(exists=True, dir_okay=False, path_type=Path))
@click.option("--out", type=click.Path(file_okay=False, path_type=Path), default=Path("compare"),
              help="Folder of the cells and the report.")
@click.option("--report-only", is_flag=True, help="Write the report of what is done, run nothing.")
@click.option("--in-process", "here", is_flag=True,
              help="Run the cells in this process; the peak memory is then that of all so far.")
@click.option("--json", "as_json", is_flag=True, help="Print every figure as one JSON object.")
@click.pass_context
def compare(
    ctx: click.Context, path: Path, out: Path, report_only: bool, here: bool, as_json: bool
) -> None:
    # fmt: on
    """Compare checkpoints, asked and adapted in several ways, on a frozen split of each dataset.

    The grid is {models} × {zero-shot, hard prompt, soft prompt, LoRA, full} × {datasets}. Each
    figure has its 95% interval and stands beside a blank and a shuffled image; differences are
    tested image by image. A cell that is done is kept in --out and skipped the next time, also
    after Ctrl-C; one that fails is named in the report, and the others go on. The report is
    compare.md and compare.html in --out, its figures figures.json.

    \b
    Exit codes:
      0    every cell is done
      1    nothing could be compared
      3    some cells failed
      130  stopped by Ctrl-C; the same command goes on

    \b
    Examples:
      cytoscribe compare --config finetune/recipes/compare-lite.yaml --out lite/
      cytoscribe compare --config finetune/recipes/compare-google.yaml --out google/ --json
      cytoscribe compare --config mine.yaml --report-only
    """
    from finetune.compare.cells import DONE, cells_of, kept
    from finetune.compare.config import read_config
    from finetune.compare.grid import in_child, in_process, run_grid
    from finetune.compare.report import figures_of, report

    def say(words: str) -> None:
        click.echo(words, err=True)

    config = read_config(path)
    cells = list(cells_of(config))
    if report_only:
        told = [found for cell in cells if (found := kept(cell, out))]
    else:
        told = run_grid(cells, config, out, in_process(say) if here else in_child, say)
    files = report(told, out)
    click.echo(json.dumps({"cells": figures_of(told), "report": [*map(str, files)]})
               if as_json else "\n".join(map(str, files)))  # fmt: skip
    ctx.exit(SOME_FAILED if any(found["status"] != DONE for found in told) else 0)
