"""Train by a recipe and ask the held-out rows before and after: are more answers right?

python docs/scripts/finetune_show.py finetune/recipes/lite-cpu.yaml OUT --set data.0.root=DIR
The rows asked are of the test side, which training has neither learned from nor looked at, and
have no boxes. An answer is right if the text that the model writes is the row's, word for word.
"""

import random
import time
from collections import Counter
from collections.abc import Sequence
from pathlib import Path

import click

from agent.paligemma import PaliGemma, load_paligemma
from finetune.commands.finetune import say
from finetune.data.formats import read_rows
from finetune.data.row import Row
from finetune.data.splits import side
from finetune.pictures import opened
from finetune.recipe import FinetuneRecipe, read_recipe
from finetune.training import train

_AT_ONCE = 16


def test_rows(recipe: FinetuneRecipe, number: int) -> list[Row]:
    """Rows of the test sides, at random."""
    found = [
        row
        for one in recipe.data
        for row in read_rows(one.root, one.format, Counter())
        if side(row) == "test" and "<loc" not in row.suffix
    ]
    return random.Random(recipe.seed).sample(found, min(number, len(found)))


def right(model: PaliGemma, rows: Sequence[Row]) -> list[bool]:
    """Whether each answer is the row's."""
    answers = list[str]()
    for start in range(0, len(rows), _AT_ONCE):
        part = rows[start : start + _AT_ONCE]
        seen = model.look([opened(row.image) for row in part if row.image is not None])
        answers += [text.text for text in model.generate(seen, [row.prefix for row in part])]
    return [text == row.suffix for text, row in zip(answers, rows, strict=True)]


@click.command()
@click.argument("config", type=click.Path(exists=True, path_type=Path))
@click.argument("out", type=click.Path(path_type=Path))
@click.option("--set", "changes", multiple=True)
@click.option("--rows", "number", default=400, help="Of the test side.")
def main(config: Path, out: Path, changes: tuple[str, ...], number: int) -> None:
    """Train by CONFIG into OUT and print how many answers are right before and after."""
    recipe = read_recipe(config, changes)
    asked = test_rows(recipe, number)
    common, times = Counter(row.suffix for row in asked).most_common(1)[0]
    before = right(load_paligemma(recipe.model, max_new_tokens=24), asked)
    start = time.process_time()
    trained = train(recipe, out, say=say)
    spent = time.process_time() - start
    after = right(trained.load(max_new_tokens=24), asked)
    click.echo(
        f"{len(asked)} rows of the test side: {sum(before) / len(asked):.3f} right before,"
        f" {sum(after) / len(asked):.3f} after; always {common!r}: {times / len(asked):.3f}."
        f" {trained.steps} steps, {trained.images} images seen, {spent:.0f} s of CPU"
        f" ({trained.seconds:.0f} s of wall time in steps); held-out loss"
        f" {trained.held_out_before} -> {trained.held_out}"
    )


if __name__ == "__main__":
    main()
