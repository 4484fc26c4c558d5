"""A soft prompt trained on the development rows: the row beside the hard prompts.

It sees the rows that the hard prompts were chosen on, and no others; the test side is asked once.
"""

from collections.abc import Sequence
from pathlib import Path

from eval.descriptions import Pair
from finetune.closed.looking import Blocks, images_of
from finetune.closed.task import Task
from finetune.data.row import Row
from finetune.prompt_search.candidates import HAND_WRITTEN
from finetune.prompt_search.kept import Kept
from finetune.prompt_search.scoring import Scorer
from finetune.recipe import FinetuneRecipe, SoftPrompt
from finetune.run import STATE
from finetune.training import Trained, train

LENGTH, LEARNING_RATE, LONGEST = 16, 0.02, 512


def recipe_for(model: str, revision: str | None, steps: int, seed: int) -> FinetuneRecipe:
    """A soft prompt in front of the hand-written one, everything else frozen."""
    return FinetuneRecipe(
        model=model,
        revision=revision,
        method="soft_prompt",
        soft_prompt=SoftPrompt(length=LENGTH),
        learning_rate=LEARNING_RATE,
        longest=LONGEST,
        batch_size=16,
        max_steps=steps,
        save_every=steps,
        seed=seed,
    )


def train_soft_prompt(recipe: FinetuneRecipe, dev: Sequence[Row], out: Path) -> Trained:
    """Trained on the development rows, into a folder of its own."""
    out.mkdir(parents=True, exist_ok=True)
    begun = (out / STATE).exists()  # by a search that was stopped
    return train(recipe, out, rows=dev, resume=begun, say=lambda _: None)


def soft_pairs(trained: Trained, task: Task, test: Sequence[Row], dtype: str) -> list[Pair]:
    """What the model says with the soft prompt on the test rows."""
    blocks = Blocks(trained.load(dtype=dtype), images_of(test))
    scorer = Scorer(blocks, test, task, None, Kept(None, ""), "test", LONGEST)
    scorer.score([HAND_WRITTEN], len(test))
    return scorer.pairs(HAND_WRITTEN, len(test))
