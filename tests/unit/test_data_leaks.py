"""Splits of rows: by group, without near-duplicates across sides; and the shortcut probe."""

from collections import Counter

import numpy as np
import pytest
from PIL import Image

from finetune.data.leaks import Ledger, split_rows
from finetune.data.row import Row
from finetune.data.shortcut import probe
from finetune.data.splits import side
from tools.errors import BadImageError
from tools.fingerprints import fingerprint


def noise(seed, side=32):
    """A picture of its own, with large patches."""
    patches = np.random.default_rng(seed).integers(0, 256, (8, 8, 3), np.uint8)
    return np.asarray(Image.fromarray(patches).resize((side, side), Image.Resampling.NEAREST))


def row(name, image=None, group=None, split=None, source="s"):
    return Row(name, image, "p", "a", group or name, source, "CC0", {}, split)


def test_rows_of_a_group_are_on_one_side_whatever_comes_with_them():
    rows = [row(f"{n}", noise(n), group=f"patient {n // 4}") for n in range(40)]
    report = split_rows(rows)
    alone = {r.group: report.side_of(r) for r in rows}
    assert all(alone[r.group] == report.side_of(r) == side(r) for r in rows)
    assert report.groups == 10
    assert sum(counts.rows for counts in report.sides.values()) == 40
    assert split_rows(rows[:8]).side_of(rows[3]) == report.side_of(rows[3])


def test_a_near_duplicate_on_a_later_side_is_refused_by_name():
    dimmer = (noise(1) * 0.98).astype(np.uint8)
    rows = [
        row("kept", noise(1), split="test"),
        row("copy", dimmer, split="train"),
        row("copy", dimmer, split="train"),  # its second question
        row("other", noise(2), split="train"),
        row("same side", noise(2), split="train"),
    ]
    report = split_rows(rows)
    assert [report.side_of(r) for r in rows] == ["test", None, None, "train", "train"]
    assert [(r.image, r.like, r.like_side) for r in report.refused] == [
        ("s/copy", "s/kept", "test")
    ]
    assert (report.sides["train"].rows, report.sides["train"].images) == (2, 2)
    assert "s/copy (train) is like s/kept (test)" in report.in_words()


def test_near_duplicates_are_refused_across_datasets():
    rows = [row("a", noise(1), split="dev"), row("a", noise(1), split="train", source="t")]
    assert [r.image for r in split_rows(rows).refused] == ["t/a"]


def test_a_group_that_a_dataset_has_on_two_sides_stays_on_the_first():
    rows = [
        row("1", noise(1), group="p", split="train"),
        row("2", noise(2), group="p", split="test"),
        row("text", group="p", split="dev"),
    ]
    report = split_rows(rows)
    assert [report.side_of(r) for r in rows] == [None, "test", None]
    assert report.torn == ("s/p",)
    assert {name: counts.rows for name, counts in report.sides.items()} == {
        "train": 0, "dev": 0, "test": 1,
    }  # fmt: skip
    assert "1 groups (s/p) on several sides" in report.in_words()


def test_rows_of_text_alone_are_split_by_group_too():
    report = split_rows([row(f"{n}") for n in range(50)])
    assert report.images == 0
    assert report.sides["train"].rows > report.sides["test"].rows > 0


def test_an_image_that_cannot_be_decoded_is_dropped_with_all_its_rows(tmp_path):
    path = tmp_path / "cut.png"
    Image.fromarray(noise(1, 200)).save(path)
    path.write_bytes(path.read_bytes()[:-200])
    dropped = Counter()
    rows = [row("cut", path), row("cut", path), row("fine", noise(2))]
    report = split_rows(rows, dropped)
    assert report.side_of(rows[0]) is None
    assert dropped == report.dropped == {"its image cannot be decoded": 2}
    assert report.rows == 1


def test_nothing_at_all_is_a_report_too():
    report = split_rows([])
    assert (report.rows, report.images, report.refused) == (0, 0, ())
    assert "0 rows" in report.in_words()


def test_a_fingerprint_is_the_same_from_a_file_its_bytes_and_its_pixels(tmp_path):
    path = tmp_path / "a.png"
    Image.fromarray(noise(3)).save(path)
    assert fingerprint(path) == fingerprint(path.read_bytes()) == fingerprint(noise(3))
    with pytest.raises(BadImageError):
        fingerprint(b"no image")


def ledger(*rows):
    kept = Ledger(Counter())
    for one in rows:
        kept.add(one)
    return kept


def tinted(seed, red):
    return np.dstack([np.full((16, 16), red, np.uint8), noise(seed, 16)[..., 1:]])


def test_the_probe_warns_where_the_colour_tells_the_dataset():
    pink = [row(f"{n}", tinted(n, 250), source="pink") for n in range(20)]
    blue = [row(f"{n}", tinted(99 + n, 5), source="blue") for n in range(20)]
    found = probe(ledger(*pink, *blue))
    assert found.accuracy == 1.0
    assert found.warns
    assert found.in_words().startswith("WARNING")


def test_the_probe_is_quiet_where_the_datasets_look_alike():
    rows = [row(f"{n}", noise(n), source="ab"[n % 2]) for n in range(60)]
    found = probe(ledger(*rows))
    assert not found.warns
    assert found.majority == 0.5
    assert found.images == {"a": 30, "b": 30}


def test_the_probe_never_judges_an_image_by_others_of_its_group():
    """Two sets that differ by chance only, in pictures that repeat inside a group."""
    rows = [
        row(f"{n}", noise(n // 10), group=f"slide {n // 10}", source="ab"[n // 10 % 2])
        for n in range(200)
    ]
    assert not probe(ledger(*rows)).warns


def test_one_dataset_or_too_few_groups_are_not_probed():
    assert probe(ledger(*[row(f"{n}", noise(n)) for n in range(9)])) is None
    few = [row(f"{n}", noise(n), group="one", source="few") for n in range(9)]
    assert probe(ledger(*few, *[row(f"{n}", noise(n)) for n in range(9)])) is None
