import json
from collections import Counter
from itertools import islice

import numpy as np
import pytest
from PIL import Image

from finetune.pictures import opened
from finetune.recipe import recipe_of
from finetune.rows import Sampler, Store, StoreWriter, Weighted, items
from finetune.sets import sets_of
from tests.training_rows import pictured, rows, text_alone
from tools.errors import BadInputError


def test_rows_of_an_image_are_one_item_and_each_text_is_its_own():
    found = list(items([*rows(2), text_alone(1), text_alone(1), *rows(1)]))
    assert [len(item) for item in found] == [2, 2, 1, 1, 2]


def test_a_store_gives_back_what_was_written(tmp_path):
    written = [*items(rows(3)), (text_alone(0),)]
    with StoreWriter(tmp_path) as writer:
        for item in written:
            writer.add(item)
    store = Store(tmp_path)
    assert len(store) == 4
    for old, new in zip(written, store, strict=True):
        assert [(r.name, r.prefix, r.suffix, r.truth, r.split) for r in old] == [
            (r.name, r.prefix, r.suffix, r.truth, r.split) for r in new
        ]
        if old[0].image is None:
            assert new[0].image is None
        else:
            assert np.array_equal(np.asarray(opened(new[0].image)), old[0].image)


def test_a_store_that_was_not_closed_is_not_there(tmp_path):
    with pytest.raises(KeyboardInterrupt), StoreWriter(tmp_path) as writer:
        writer.add(tuple(pictured(0)))
        raise KeyboardInterrupt
    with pytest.raises(FileNotFoundError):
        Store(tmp_path)


def test_what_a_step_draws_depends_on_its_number_alone():
    sets = [Weighted(list(items(rows(7)))), Weighted([(text_alone(i),) for i in range(5)], 2.0)]
    whole = list(islice(Sampler(sets, 3).steps(4), 20))
    later = list(islice(Sampler(sets, 3).steps(4, 11), 9))
    assert [[i[0].name for i in step] for step in whole[11:]] == [
        [i[0].name for i in step] for step in later
    ]


def test_an_epoch_draws_every_item_once():
    steps = islice(Sampler([Weighted(list(items(rows(6))))], 0).steps(3), 4)
    drawn = [item[0].name for step in steps for item in step]
    assert Counter(drawn[:6]) == Counter(drawn[6:]) == Counter(f"s{i}" for i in range(6))


def test_sets_are_drawn_by_their_weights():
    sets = [Weighted(list(items(rows(4))), 1.0), Weighted([(text_alone(0),)], 3.0)]
    drawn = [item for step in islice(Sampler(sets, 0).steps(10), 100) for item in step]
    assert sum(item[0].image is None for item in drawn) / len(drawn) == pytest.approx(
        0.75, abs=0.05
    )


def write_set(root, splits):
    """A jsonl set of one noisy image and one row a split."""
    root.mkdir()
    rng = np.random.default_rng(len(splits))
    lines = []
    for number, split in enumerate(splits):
        pixels = rng.integers(0, 255, (9, 8, 3), dtype=np.uint8).repeat(4, 0).repeat(4, 1)
        Image.fromarray(pixels).save(root / f"{number}.png")
        told = {"image": f"{number}.png", "prefix": "answer en what", "suffix": "that"}
        lines.append(json.dumps(told | ({"split": split} if split else {})))
    (root / "rows.jsonl").write_text("\n".join(lines))
    return {"format": "jsonl", "root": str(root)}


def read(tmp_path, *data, **values):
    said: list[str] = []
    recipe = recipe_of({"model": "m", "max_steps": 1, "data": list(data), **values})
    return sets_of(recipe, tmp_path / "out", said.append), said


def test_a_set_is_split_by_its_own_word_and_counted(tmp_path):
    one = write_set(tmp_path / "set", ["train"] * 5 + ["dev"] * 3 + ["test"] * 2)
    sets, said = read(tmp_path, one)
    assert (len(sets.train[0].items), len(sets.held_out)) == (5, 3)
    assert sets.counts[0].rows == 10
    assert "10 rows read, 5 images to train on, 3 held out" in said[-1]


def test_a_limit_takes_some_of_the_side(tmp_path):
    one = write_set(tmp_path / "set", ["train"] * 6 + ["dev"] * 4) | {"limit": 2}
    sets, _ = read(tmp_path, one, eval_images=3)
    assert (len(sets.train[0].items), len(sets.held_out)) == (2, 3)


def test_an_image_that_repeats_a_held_out_one_is_refused(tmp_path):
    one = write_set(tmp_path / "set", ["train"] * 4 + ["dev"] * 2)
    (tmp_path / "set" / "1.png").write_bytes((tmp_path / "set" / "5.png").read_bytes())
    sets, _ = read(tmp_path, one)
    assert [item[0].name for item in sets.train[0].items] == ["0.png", "2.png", "3.png"]
    assert sum(sets.counts[0].dropped.values()) == 1
    kept, _ = read(tmp_path, one, refuse_leaks=False)
    assert len(kept.train[0].items) == 4


def test_what_was_read_is_taken_again_where_it_is_resumed(tmp_path):
    one = write_set(tmp_path / "set", ["train"] * 4 + ["dev"])
    read(tmp_path, one)
    (tmp_path / "set" / "rows.jsonl").unlink()
    recipe = recipe_of({"model": "m", "max_steps": 1, "data": [one]})
    again = sets_of(recipe, tmp_path / "out", print, fresh=False)
    assert len(again.train[0].items) == 4


@pytest.mark.parametrize("data", [[], [{"format": "jsonl", "root": "nowhere"}]])
def test_no_set_or_none_that_is_there_is_an_error(tmp_path, data):
    with pytest.raises(BadInputError, match=r"no set is named|nowhere does not exist"):
        read(tmp_path, *data)


def test_a_set_without_a_row_of_its_side_is_an_error(tmp_path):
    one = write_set(tmp_path / "set", ["test"] * 3)
    with pytest.raises(BadInputError, match=r"no row of its train side to train on.*3 rows read"):
        read(tmp_path, one)
