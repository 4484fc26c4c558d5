"""Rows to train tiny PaliGemmas on: coloured squares, two questions each, and texts alone."""

from pathlib import Path

import numpy as np

from finetune.data.example import Split
from finetune.data.row import Row
from finetune.recipe import FinetuneRecipe, recipe_of

CELLS = ("neutrophil", "lymphocyte", "monocyte")


def pictured(number: int, split: Split | None = None) -> list[Row]:
    """Two rows about one image whose colour tells the cell."""
    shade = np.full((40, 40, 3), 40, np.uint8)
    shade[:, :, number % 3] = 200
    shade[number % 40, :, :] = number % 251
    common = {"image": shade, "group": f"g{number}", "source": "squares", "licence": "CC0-1.0"}
    cell = CELLS[number % 3]
    return [
        Row(f"s{number}", prefix="answer en what is the cell type", suffix=cell, split=split,
            truth={"cell_type": cell}, **common),
        Row(f"s{number}", prefix="describe en", suffix=f"a {cell} with a round nucleus",
            split=split, **common),
    ]  # fmt: skip


def text_alone(number: int) -> Row:
    """A row without an image."""
    return Row(f"t{number}", None, f"answer en platelets {number}", "few", f"t{number}", "notes",
               "CC0-1.0")  # fmt: skip


def rows(number: int) -> list[Row]:
    return [row for i in range(number) for row in pictured(i)]


def recipe(model: Path, **values) -> FinetuneRecipe:
    """Small and quick, on float32."""
    return recipe_of({
        "model": str(model), "max_steps": 4, "batch_size": 2, "learning_rate": 0.01, "warm_up": 0,
        "eval_every": 2, "save_every": 1, "workers": 0, **values,
    })  # fmt: skip
