"""Measure Cytoscribe on labelled data: figures with intervals and controls."""

import click

from eval.commands.descriptions import descriptions


@click.group("eval")
def eval_group() -> None:
    """Measure Cytoscribe on labelled data: figures with intervals and controls.

    \b
    Examples:
      cytoscribe eval descriptions --dataset classes --root leukocytes/
      cytoscribe eval descriptions --dataset voc --root BCCD/ --json
    """


eval_group.add_command(descriptions)

if __name__ == "__main__":
    eval_group()
