"""`cytoscribe finetune --from feedback`: corrections become weights."""

import json

import numpy as np
import pytest
from click.testing import CliRunner
from PIL import Image

from agent.paligemma import load_paligemma
from finetune.commands.finetune import finetune
from finetune.feedback.export import export
from finetune.feedback.source import RECIPE, folder_of, recipe_from
from tests.corrections import corrected
from tools.errors import BadInputError

QUICK = (
    "--set", "max_steps=12", "--set", "batch_size=4", "--set", "learning_rate=0.01",
    "--set", "warm_up=0",
)  # fmt: skip


@pytest.fixture
def reviewed(tmp_path):
    """Red cells are basophils and blue ones monocytes, say the reviewers."""
    truths = {n: "basophil" if n % 2 else "monocyte" for n in range(12)}
    reviews = [corrected(n, truth, session_id=f"s{n}", minute=n) for n, truth in truths.items()]

    def picture(image_id: str) -> Image.Image:
        number = int(image_id[4:], 16)
        drawn = np.random.default_rng(number).integers(0, 256, (40, 40, 3), np.uint8)
        drawn[:, :, 0 if number % 2 else 2] = 255
        return Image.fromarray(drawn)

    export(reviews, picture, tmp_path / "reviewed")
    return tmp_path / "reviewed"


def run(*arguments: str) -> dict:
    result = CliRunner().invoke(finetune, arguments, catch_exceptions=False)
    assert result.exit_code == 0, result.output
    return json.loads(result.stdout)


def test_corrections_in_a_folder_train_the_model_of_the_settings(
    reviewed, tmp_path, tiny_paligemma_dir, monkeypatch
):
    monkeypatch.setenv("CYTOSCRIBE_MODEL", str(tiny_paligemma_dir))
    source = ("--from", f"feedback:{reviewed}")
    trained = run(*source, "--out", str(tmp_path / "run"), "--json", *QUICK)
    assert trained["held_out"] < trained["held_out_before"]
    model = load_paligemma(trained["checkpoint"])
    seen = model.look([Image.new("RGB", (40, 40), c) for c in ((255, 1, 0), (0, 2, 255))])
    scores = model.score(seen, "which type of blood cell is this?", ["basophil", "monocyte"])
    assert scores.shape == (2, 2) and trained["steps"] == 12


def test_a_recipe_of_ones_own_may_mix_feedback_with_other_sets(reviewed, tmp_path):
    own = tmp_path / "own.yaml"
    own.write_text(
        "model: m\nmax_steps: 1\ndata:\n  - {format: voc, root: v}\n"
        "  - {format: feedback, root: ., weight: 2}\n"
    )
    recipe = recipe_from(reviewed, own, "ignored", ["data.1.split=all"])
    assert [str(one.root) for one in recipe.data] == ["v", str(reviewed)]
    assert recipe.model == "m" and recipe.data[1].split == "all" and recipe.data[1].weight == 2


def test_the_shipped_recipe_takes_the_model_of_the_settings(tmp_path):
    recipe = recipe_from(tmp_path, None, "google/paligemma2-3b-mix-448", ["method=lora"])
    assert recipe.model == "google/paligemma2-3b-mix-448" and recipe.method == "lora"
    assert RECIPE.is_file() and recipe.data[0].root == tmp_path


def test_a_recipe_without_feedback_says_what_to_add(tmp_path):
    own = tmp_path / "own.yaml"
    own.write_text("model: m\nmax_steps: 1\n")
    with pytest.raises(BadInputError, match="no set learns from feedback; add"):
        recipe_from(tmp_path, own, "m", [])


@pytest.mark.parametrize("source", ["comments", "feedback:", "folder"])
def test_what_is_no_source_is_refused(source):
    with pytest.raises(BadInputError, match="feedback:DIR"):
        folder_of(source)


def test_neither_recipe_nor_source_is_wrong_usage():
    assert CliRunner().invoke(finetune, ["--out", "x"]).exit_code == 2
