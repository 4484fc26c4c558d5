"""LAION as img2dataset leaves it, in the columns of its releases."""

import io
import json
import tarfile
from collections import Counter

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from PIL import Image

from finetune.data.formats import read_rows
from finetune.data.laion import filtered
from tools.errors import BadInputError
from tools.ingest.layouts import find_layout
from tools.ingest.layouts.laion import Limits

FINE = {"similarity": 0.33, "punsafe": 0.01, "pwatermark": 0.1}


def jpeg():
    out = io.BytesIO()
    Image.new("RGB", (8, 8), "red").save(out, "JPEG")
    return out.getvalue()


def add(tar, name, content):
    member = tarfile.TarInfo(name)
    member.size = len(content)
    tar.addfile(member, io.BytesIO(content))


def shard(path, told, images=None):
    """One member of each kind a key; `told` maps a key to what its .json says."""
    with tarfile.open(path, "w") as tar:
        for key, meta in told.items():
            add(tar, f"{key}.jpg", (images or {}).get(key, jpeg()))
            add(tar, f"{key}.txt", str(meta.get("caption", "")).encode())
            add(tar, f"{key}.json", json.dumps({"key": key, **meta}).encode())
    return path


def rows(root, limits=None):
    dropped = Counter()
    if limits:
        return list(filtered(limits).read(root, dropped)), dropped
    return list(read_rows(root, "laion", dropped)), dropped


def test_a_shard_gives_caption_and_image(tmp_path):
    shard(tmp_path / "00000.tar", {"000000000": {"caption": "a  red\nsquare", **FINE}})
    (row,), dropped = rows(tmp_path)
    assert (row.name, row.prefix, row.suffix) == ("000000000", "caption en", "a red square")
    assert row.image == jpeg()
    assert not dropped


@pytest.mark.parametrize(
    ("meta", "why"),
    [
        ({"punsafe": 0.5}, "its punsafe is not below 0.5"),
        ({"pwatermark": 0.8}, "its pwatermark is not below 0.8"),
        ({"pwatermark": None}, "its pwatermark is not below 0.8"),
        ({"similarity": 0.2}, "its similarity is below 0.28"),
        ({"NSFW": "nsfw"}, "it is marked as not safe for work"),
        ({"caption": " "}, "has no caption"),
    ],
)
def test_what_laion_filters_is_dropped(tmp_path, meta, why):
    shard(tmp_path / "00000.tar", {"000000000": {"caption": "x", **FINE, **meta}})
    assert rows(tmp_path) == ([], {why: 1})


def test_the_limits_may_be_set_and_scores_a_release_lacks_are_not_judged(tmp_path):
    shard(tmp_path / "00000.tar", {"000000000": {"caption": "x", "punsafe": 0.3}})
    assert len(rows(tmp_path)[0]) == 1
    assert rows(tmp_path, Limits(unsafe=0.2))[1] == {"its punsafe is not below 0.2": 1}
    dropped = Counter()
    assert list(read_rows(tmp_path, "laion", dropped, {"unsafe": 0.2})) == []
    assert dropped == {"its punsafe is not below 0.2": 1}


def test_a_limit_that_a_format_does_not_have_is_named(tmp_path):
    with pytest.raises(BadInputError, match="punsafe; it has unsafe, watermark, similarity"):
        read_rows(tmp_path, "laion", Counter(), {"punsafe": 0.2})
    with pytest.raises(BadInputError, match="aptos has no limit called unsafe"):
        read_rows(tmp_path, "aptos", Counter(), {"unsafe": 0.2})


def test_what_was_not_downloaded_is_counted_from_the_table_beside_the_shard(tmp_path):
    shard(tmp_path / "00000.tar", {"000000000": {"caption": "x"}})
    told = [
        {"key": "000000000", "status": "success", "LICENSE": "CC0", **FINE},
        {"key": "000000001", "status": "failed_to_download", "LICENSE": None, **FINE},
    ]
    pq.write_table(pa.Table.from_pylist(told), tmp_path / "00000.parquet")
    (row,), dropped = rows(tmp_path)
    assert row.licence == "CC0"
    assert dropped == {"was not downloaded (failed_to_download)": 1}


def test_broken_images_shards_and_metadata_are_counted_and_the_rest_goes_on(tmp_path):
    shard(tmp_path / "00000.tar", {"000000000": {"caption": "x"}}, {"000000000": b"no jpeg"})
    cut = shard(
        tmp_path / "00001.tar", {"000010000": {"caption": "x"}, "000010001": {"caption": "y"}}
    )
    cut.write_bytes(cut.read_bytes()[:-9_700])
    with tarfile.open(tmp_path / "00002.tar", "w") as tar:
        add(tar, "000020000.jpg", jpeg())
        add(tar, "000020000.json", b"{cut")
        add(tar, "000020001.txt", b"a text alone")
    shard(tmp_path / "00003.tar", {"000030000": {"caption": "z"}})
    read, dropped = rows(tmp_path)
    assert read[-1].suffix == "z"
    assert dropped["its image is broken"] >= 1
    assert dropped["has metadata that cannot be read"] == 1
    assert dropped["has no image in its shard"] == 1
    assert any("damaged shard" in why for why in dropped)


def table(root, name="00000", **columns):
    pq.write_table(pa.table(columns), root / f"{name}.parquet")


def image(path):
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.new("RGB", (8, 8)).save(path)


def test_a_table_with_a_folder_of_images_named_by_key(tmp_path):
    image(tmp_path / "00000" / "000000000.jpg")
    table(tmp_path, key=["000000000", "000000001"], URL=["u", "u"], caption=["one", "two"])
    read, dropped = rows(tmp_path)
    assert [row.suffix for row in read] == ["one"]
    assert dropped == {"its image is missing": 1}


def test_columns_are_found_in_any_case_order_and_type(tmp_path):
    image(tmp_path / "images" / "17.jpg")
    table(
        tmp_path,
        "laion400m",
        similarity=pa.array([0.31], pa.float64()),
        LICENSE=["?"],
        NSFW=["UNLIKELY"],
        WIDTH=pa.array([8.0], pa.float64()),
        HEIGHT=pa.array([8.0], pa.float64()),
        AESTHETIC_SCORE=[6.5],
        Text=["a cell"],
        url=["http://x/1.jpg"],
        SAMPLE_ID=pa.array([17], pa.int64()),
    )
    (row,), dropped = rows(tmp_path)
    assert (row.suffix, row.licence) == ("a cell", "not stated")
    assert not dropped


def test_another_layout_is_told_what_was_looked_for_and_found(tmp_path):
    image(tmp_path / "a.jpg")
    with pytest.raises(BadInputError, match=r"Looked for \*\.tar shards.*Found a\.jpg"):
        rows(tmp_path)


def test_an_archive_beside_class_folders_is_no_shard(tmp_path):
    image(tmp_path / "cells" / "1.png")
    with tarfile.open(tmp_path / "backup.tar", "w") as tar:
        tar.add(tmp_path / "cells", "cells")
    assert find_layout(tmp_path)[0].name == "folders"


def test_the_library_reads_images_inside_shards_and_says_why_others_are_left_out(tmp_path):
    told = {"000000000": {"caption": "x", "url": "http://x", **FINE}, "000000001": {"punsafe": 1}}
    shard(tmp_path / "00000.tar", told)
    layout, images = find_layout(tmp_path)
    assert layout.name == "laion"
    fine, unsafe = images()
    assert fine.content() == jpeg()
    assert fine.read().labels == {"url": "http://x"}
    with pytest.raises(BadInputError, match="no caption"):
        unsafe.read()
