from pathlib import Path

import pytest

from finetune.recipe import read_recipe, recipe_of
from finetune.stopping import Best, learning_rate, progress
from tools.errors import BadInputError

RECIPES = Path(__file__).parents[2] / "finetune" / "recipes"
SMALL = "model: somewhere\nmax_steps: 10\nlora: {rank: 4}\n"


@pytest.fixture
def small(tmp_path) -> Path:
    path = tmp_path / "recipe.yaml"
    path.write_text(SMALL + "data:\n  - {format: jsonl, root: rows}\n")
    return path


def test_a_recipe_is_read_and_changed_by_keys(small):
    recipe = read_recipe(small, ["lora.rank=16", "data.0.limit=100", "method=full", "epochs=1.5"])
    assert (recipe.lora.rank, recipe.data[0].limit, recipe.method) == (16, 100, "full")
    assert recipe.epochs == 1.5


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ("learning_rat=1", "learning_rat: there is no such key; those there are: model, revision"),
        ("lora.rnk=1", "lora.rnk: there is no such key; those there are: rank, alpha"),
        ("data.0.wieght=1", "data.0.wieght: there is no such key; those there are: format, root"),
        ("lora.rank=0", "lora.rank: 0: Input should be greater than or equal to 1"),
        ("method=lroa", "method: 'lroa': Input should be 'full', 'lora'"),
        ("max_steps=null", "nothing ends the run: set max_steps, max_minutes or epochs"),
        ("data.1.limit=3", "data.1.limit has no such place"),
        ("lora.rank", "write key=value"),
    ],
)
def test_a_wrong_key_or_value_is_named(small, change, said):
    with pytest.raises(BadInputError) as told:
        read_recipe(small, [change])
    assert said in str(told.value)


def test_a_missing_key_is_named():
    with pytest.raises(BadInputError, match="model: it is required and not there"):
        recipe_of({"max_steps": 1})


@pytest.mark.parametrize("text", ["", "- a\n- b\n", "model: [\n"])
def test_what_is_no_recipe_is_said_to_be_none(tmp_path, text):
    (tmp_path / "r.yaml").write_text(text)
    with pytest.raises(BadInputError, match=r"r\.yaml"):
        read_recipe(tmp_path / "r.yaml")


@pytest.mark.parametrize(
    "path",
    sorted({*RECIPES.glob("*.yaml")} - {*RECIPES.glob("compare-*.yaml")}),
    ids=lambda path: path.stem,
)
def test_the_shipped_recipes_are_recipes(path):
    assert read_recipe(path).data


def test_the_rate_rises_falls_and_ends_at_a_hundredth():
    recipe = recipe_of({"model": "m", "max_steps": 100, "learning_rate": 1.0, "warm_up": 4})
    rates = [learning_rate(recipe, step, step / 100) for step in range(101)]
    assert rates[0] < rates[1] < rates[2] < rates[3]
    assert rates[5:] == sorted(rates[5:], reverse=True)
    assert rates[-1] == pytest.approx(0.01)


def test_the_bound_that_comes_first_ends_a_run():
    recipe = recipe_of({"model": "m", "max_steps": 100, "max_minutes": 2, "epochs": 3})
    assert progress(recipe, 10, 12.0, 0.3) == pytest.approx(0.1)
    assert progress(recipe, 10, 60.0, 0.3) == pytest.approx(0.5)
    assert progress(recipe, 10, 60.0, 3.0) == pytest.approx(1.0)


def test_looks_without_a_better_loss_are_counted():
    best = Best()
    assert [best.look(loss, step) for step, loss in enumerate([3.0, 2.0, 2.5, 2.0, 1.0])] == [
        True, True, False, False, True,
    ]  # fmt: skip
    assert (best.first, best.loss, best.step, best.since) == (3.0, 1.0, 4, 0)
