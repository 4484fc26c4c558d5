"""Every reader at the official number of rows, all variants mixed: memory stays flat.

The sets are made on the spot, pictures are links to a tiny file. Rows a second of CPU are logged
(`pytest -m slow --log-cli-level INFO`), never asserted.
"""

import gzip
import json
import logging
import time
import tracemalloc
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from itertools import islice
from pathlib import Path
from typing import IO

import psutil
import pytest
from PIL import Image

from finetune.data.formats import read_rows
from tools.ingest.formats import format_of
from tools.ingest.layouts import find_layout

pytestmark = [pytest.mark.slow, pytest.mark.timeout(3600)]
log = logging.getLogger(__name__)
MB = 2**20
TRACED = 20_000  # rows whose memory is traced: tracing is slow


def walk(rows: Iterator[object], megabytes: int) -> int:
    """How many there are; asserts that the process never grows by more than the bound."""
    process, number = psutil.Process(), 0
    before = process.memory_info().rss
    for number, _ in enumerate(rows, 1):
        if number % 10_000 == 0:
            assert process.memory_info().rss - before < megabytes * MB
    return number


def traced(root: Path, format: str) -> float:
    """The peak of what Python holds over the first rows, in MB."""
    tracemalloc.start()
    for _ in islice(read_rows(root, format, Counter()), TRACED):
        pass
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    return peak / MB


def timed(root: Path, format: str, megabytes: int) -> tuple[int, Counter[str]]:
    """Rows read and why others were dropped; asserts the bound and logs the rate."""
    peak, dropped = traced(root, format), Counter[str]()
    assert peak < megabytes
    started = time.process_time()
    number = walk(read_rows(root, format, dropped), megabytes)
    rate = number / (time.process_time() - started)
    log.info(
        "%s: %d rows, %.0f a second of CPU, %.1f MB traced, %s", format, number, rate, peak, dropped
    )
    return number, dropped


def tiny_picture(path: Path) -> Path:
    (path.parent / "images").mkdir(parents=True, exist_ok=True)
    Image.new("L", (4, 4), 90).save(path)
    return path


CHEST_HEADER = (
    "Image Index,Finding Labels,Follow-up #,Patient ID,Patient Age,Patient Gender,View Position,"
    "OriginalImage[Width,Height],OriginalImagePixelSpacing[x,y]\n"
)
KAGGLE_HEADER = (
    "Image_Index,Finding_Labels,Follow_Up_#,Patient_ID,Patient_Age,Patient_Gender,View_Position,"
    "OriginalImageWidth,OriginalImageHeight,OriginalImagePixelSpacing_x,OriginalImagePixelSpacing_y\n"
)
TABLES = {
    "Data_Entry_2017.csv": CHEST_HEADER,
    "Data_Entry_2017_v2020.csv": CHEST_HEADER,
    "sample_labels.csv": KAGGLE_HEADER,
}
LABELS = ("No Finding", "Infiltration", "Cardiomegaly|Pleural_Thickening", "Hernia|Infiltrate")
AGES = ("58", "058Y", "011M", "414")


def chest_rows() -> Iterator[tuple[str, str]]:
    """112,120 names with their rows, of 30,805 patients."""
    for n in range(112_120):
        patient, follow_up = n % 30_805 + 1, n // 30_805
        name = f"{patient:08d}_{follow_up:03d}.png"
        comma = "," * (n % 3 == 0)
        yield (
            name,
            f"{name},{LABELS[n % 4]},{follow_up},{patient},{AGES[n % 4]},M,PA,2894,2729,0.143,"
            f"0.143{comma}\n",
        )


def test_chestxray14_with_its_112_120_images(tmp_path):
    folders = [tmp_path / f"images_{n:03d}" / "images" for n in range(1, 13)]
    pictures = [tiny_picture(folder.parent / "tiny.png") for folder in folders]
    for n, (name, _) in enumerate(chest_rows()):
        part = n * 12 // 112_120
        if n % 100:
            (folders[part] / name).hardlink_to(pictures[part])
    with (tmp_path / "test_list.txt").open("w") as file:
        file.writelines(f"{name}\n" for name, _ in islice(chest_rows(), 25_596))
    with (tmp_path / "BBox_List_2017.csv").open("w") as file:
        file.write("Image Index,Finding Label,Bbox [x,y,w,h],,,\n")
        names = (name for n, (name, _) in enumerate(chest_rows()) if n % 100)
        file.writelines(f"{name},Infiltrate,100.5,200.5,300,400\n" for name in islice(names, 984))
    there = 112_120 - 1_122
    for name, header in TABLES.items():
        table = tmp_path / name
        with table.open("w") as file:
            file.write(header)
            file.writelines(row for _, row in chest_rows())
        number, dropped = timed(tmp_path, "chestxray14", 40)
        assert (number, dropped) == (there * 15 + 984, {"its image is not there": 1_122})
        layout, images = find_layout(tmp_path)
        assert layout.name == "chestxray14"
        assert walk((found.read() for found in images()), 40) == there
        table.unlink()


def test_aptos_with_its_3_662_and_1_928_images(tmp_path):
    picture = tiny_picture(tmp_path / "tiny.png")
    for side, number in (("train", 3_662), ("test", 1_928)):
        (tmp_path / f"{side}_images").mkdir()
        with (tmp_path / f"{side}.csv").open("w") as file:
            file.write("id_code,diagnosis\n" if side == "train" else "id_code\n")
            for n in range(number):
                file.write(f"{n:012x},{n % 5}\n" if side == "train" else f"{n:012x}\n")
                (tmp_path / f"{side}_images" / f"{n:012x}.png").hardlink_to(picture)
    number, dropped = timed(tmp_path, "aptos", 20)
    assert number == 3_662
    assert list(dropped.values()) == [1_928]
    for n in range(3_662):
        name = ("No_DR", "Mild", "Moderate", "Severe", "Proliferate_DR")[n % 5]
        folder = tmp_path / "mirror" / "colored_images" / name
        folder.mkdir(parents=True, exist_ok=True)
        (folder / f"{n:012x}.png").hardlink_to(picture)
    assert timed(tmp_path / "mirror", "aptos", 20) == (3_662, {})


NOTE = (
    '{n},{patient},{admission},2151-08-04,,,"{kind}",Report,,{error},'
    '"Admission Date:  [**2151-7-16**]\nShe said ""I fell, twice"",\nand slept {n}.\n"\n'
)
KINDS = ("Discharge summary", "Nursing/other", "Radiology", "Physician ", "ECG")


@contextmanager
def new_table(root: Path, name: str, header: str, full: bool) -> Iterator[IO[str]]:
    """Packed with an upper-case header as in the full set, or plain and lower-case as the demo."""
    path = root / f"{name}.csv{'.gz' if full else ''}"
    with gzip.open(path, "wt", compresslevel=1) if full else path.open("w") as file:
        file.write((header.upper() if full else header) + "\n")
        yield file


def write_mimic(root: Path, notes: int, admissions: int, full: bool = True) -> None:
    header = "row_id,subject_id,hadm_id,chartdate,charttime,storetime,category,description,cgid"
    with new_table(root, "NOTEEVENTS", f"{header},iserror,text", full) as file:
        for n in range(notes):
            admission = "" if n % 9 == 0 else 100_000 + n % admissions
            error = "1" if n % 2_000 == 1 else ""
            file.write(NOTE.format(n=n, patient=n % 46_520, admission=admission, kind=KINDS[n % 5],
                                   error=error))  # fmt: skip
    header = "row_id,subject_id,hadm_id,admission_type,admission_location,diagnosis"
    with new_table(root, "ADMISSIONS", header, full) as file:
        for n in range(admissions):
            file.write(f"{n},{n % 46_520},{100_000 + n},EMERGENCY,CLINIC REFERRAL,FALL\n")
    header = "row_id,subject_id,hadm_id,seq_num,icd9_code"
    with new_table(root, "DIAGNOSES_ICD", header, full) as file:
        for n in range(admissions * 11):
            file.write(f"{n},1,{100_000 + n % admissions},{n // admissions + 1},{n % 6_985:05d}\n")


@pytest.mark.parametrize("full", [True, False])
def test_mimic_with_its_2_083_180_notes_and_58_976_admissions(tmp_path, full):
    write_mimic(tmp_path, 2_083_180, 58_976, full)
    number, dropped = timed(tmp_path, "mimic", 60)
    errors, nowhere = -(-2_083_179 // 2_000), -(-2_083_180 // 9)
    both = sum(n % 9 == 0 for n in range(1, 2_083_180, 2_000))  # in error, without an admission
    good = 2_083_180 - errors
    assert dropped == {"note was entered in error (ISERROR)": errors}
    assert number == good + (good - (nowhere - both)) + 58_976


def test_mimic_s_notes_stream_into_the_library(tmp_path):
    write_mimic(tmp_path, 200_000, 1_000)
    path = tmp_path / "NOTEEVENTS.csv.gz"
    form = format_of(path)
    assert form is not None
    with gzip.open(path) as stream:
        assert walk(form.read(stream, "mimic"), 20) == 200_000


def question(n: int, decision: str | None) -> dict[str, object]:
    texts = [f"They were seen {n} times. "] * 10
    return {"QUESTION": f"Do {n} cells divide?", "CONTEXTS": texts, "final_decision": decision}


def test_pubmedqa_with_its_1_000_questions_of_which_500_are_for_the_test(tmp_path):
    whole = {str(n): question(n, ("yes", "no", "maybe")[n % 3]) for n in range(1, 1_001)}
    truth = {pmid: whole[pmid]["final_decision"] for pmid in [*whole][::2]}
    (tmp_path / "ori_pqal.json").write_text(json.dumps(whole, indent=4))
    (tmp_path / "test_ground_truth.json").write_text(json.dumps(truth))
    assert timed(tmp_path, "pubmedqa", 20) == (1_000, {})
    rows = read_rows(tmp_path, "pubmedqa", Counter())
    assert {row.name for row in rows if row.split == "test"} == truth.keys()


def test_pubmedqa_with_the_211_269_questions_of_its_artificial_part(tmp_path):
    with (tmp_path / "ori_pqaa.json").open("w") as file:
        for n in range(211_269):
            entry = question(n, "yes" if n % 10 else None)
            file.write(f"{',' if n else '{'}\n{json.dumps(str(n + 1))}: {json.dumps(entry)}")
        file.write("}")
    number, dropped = timed(tmp_path, "pubmedqa", 20)
    assert dropped == {"has no final_decision": 21_127}
    assert number == 211_269 - 21_127
