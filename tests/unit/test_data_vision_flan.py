"""Vision-FLAN in both published forms, with the oddities of its records."""

import json
from collections import Counter
from io import BytesIO

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from PIL import Image

from finetune.data.formats import read_rows
from tools.errors import BadInputError
from tools.ingest.layouts import find_layout
from tools.ingest.layouts.vision_flan import picture


def record(image, question="what is it?\n<image>", answer="a cube", **more):
    turns = [{"from": "human", "value": question}, {"from": "gpt", "value": answer}]
    return {"id": "same for all", "image": image, "task_name": "t", "conversations": turns, **more}


def annotated(root, *records):
    """An annotation file, and the images of the records that have a name."""
    (root / "images_191task_1k").mkdir(exist_ok=True)
    for one in records:
        Image.new("RGB", (4, 4)).save(root / "images_191task_1k" / one["image"])
    path = root / "annotation_191-task_1k.json"
    path.write_text(json.dumps(records))
    return path


def rows(root):
    dropped = Counter()
    return list(read_rows(root, "vision-flan", dropped)), dropped


def test_the_place_of_the_image_is_taken_out_at_the_start_and_at_the_end(tmp_path):
    annotated(tmp_path, record("1.png", "<image>\nwhat\nis it?"), record("2.png"))
    read, dropped = rows(tmp_path)
    assert [row.prefix for row in read] == ["answer en what is it?"] * 2
    assert read[0].suffix == "a cube"
    assert not dropped


def test_rows_are_named_by_their_image_for_ids_repeat_and_hold_quotes(tmp_path):
    odd = "multiinstruct_ok_vqa_['train', \"val\"]_1"
    annotated(tmp_path, record("1.png", id=odd), record("2.png", id=odd))
    assert [row.name for row in rows(tmp_path)[0]] == ["1.png", "2.png"]


@pytest.mark.parametrize(
    ("broken", "why"),
    [
        (record("1.png", answer=" "), "has an empty answer"),
        (record("1.png", question="<image>"), "has an empty question"),
        (record("1.png", conversations=[]), "has no conversation of one question and one answer"),
        (record("1.png", conversations=None), "has no conversation of one question and one answer"),
    ],
)
def test_a_record_that_teaches_nothing_is_dropped_with_its_reason(tmp_path, broken, why):
    annotated(tmp_path, broken, record("2.png"))
    read, dropped = rows(tmp_path)
    assert [row.name for row in read] == ["2.png"]
    assert dropped == {why: 1}


def test_missing_and_broken_images_and_names_that_lead_outside_are_dropped(tmp_path):
    path = annotated(tmp_path, record("1.png"), record("broken.png"))
    (tmp_path / "images_191task_1k" / "broken.png").write_bytes(b"\x89PNG cut short")
    told = [*json.loads(path.read_text()), record("gone.png"), record("../../etc/passwd")]
    path.write_text(json.dumps([*told, "not a record"]))
    read, dropped = rows(tmp_path)
    assert [row.name for row in read] == ["1.png"]
    assert dropped == {
        "its image is broken": 1,
        "its image is missing": 1,
        "names no image inside the set": 1,
        "has no conversation of one question and one answer": 1,
    }


def test_tasks_about_one_picture_are_one_group():
    assert picture("CLEVR+question_answer_184_CLEVR_train_003462.png", "CLEVR+question_answer") == (
        "CLEVR_train_003462"
    )
    assert picture("COCO_train2014_000000010449.jpg", "ok_vqa") == picture(
        "LOC+cap_646_000000010449.jpg", "LOC+cap"
    )


def test_a_list_that_breaks_off_says_so(tmp_path):
    path = annotated(tmp_path, record("1.png"), record("2.png"))
    path.write_text(path.read_text()[:-40])
    with pytest.raises(BadInputError, match="damaged or cut short"):
        rows(tmp_path)


def test_images_left_packed_are_named_before_the_first_row(tmp_path):
    annotated(tmp_path, record("1.png"))
    (tmp_path / "images_191task_1k").rename(tmp_path / "elsewhere")
    (tmp_path / "image_191-task_1k.zip").write_bytes(b"PK")
    with pytest.raises(BadInputError, match="still packed; unzip it"):
        rows(tmp_path)


def test_another_layout_is_told_what_was_looked_for_and_found(tmp_path):
    (tmp_path / "notes.json").write_text('{"no": "list"}')
    with pytest.raises(BadInputError, match=r"Looked for annotation_.*Found notes\.json"):
        rows(tmp_path)


def png():
    out = BytesIO()
    Image.new("RGB", (4, 4)).save(out, "PNG")
    return out.getvalue()


def test_the_columns_form_holds_its_images_or_names_them(tmp_path):
    held = record("x.png") | {"image": {"bytes": png(), "path": "x.png"}}
    pq.write_table(pa.Table.from_pylist([held]), tmp_path / "a.parquet")
    Image.new("RGB", (4, 4)).save(tmp_path / "y.png")
    named = record("y.png") | {"conversations": json.dumps(record("y.png")["conversations"])}
    pq.write_table(pa.Table.from_pylist([named]), tmp_path / "b.parquet")
    read, dropped = rows(tmp_path)
    assert (read[0].name, read[0].image) == ("x.png", png())
    assert read[1].image == tmp_path / "y.png"
    assert read[1].suffix == "a cube"
    assert not dropped


def test_the_library_takes_question_answer_and_task(tmp_path):
    annotated(tmp_path, record("1.png"), record("2.png", answer=""))
    layout, images = find_layout(tmp_path)
    assert layout.name == "vision-flan"
    first, empty = images()
    assert first.read().caption == "Question: what is it? Answer: a cube"
    assert first.read().labels == {"task": "t", "answer": "a cube"}
    with pytest.raises(BadInputError, match="empty answer"):
        empty.read()


@pytest.mark.shared
def test_real_records_are_read(shared_data):
    root = shared_data / "format_samples" / "vision-flan_191-task_1k"
    read, dropped = rows(root)
    assert len(read) == 5
    assert all("<image>" not in row.prefix and row.suffix for row in read)
    assert dropped == {"its image is missing": 205}  # of the site's own list
