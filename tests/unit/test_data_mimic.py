"""MIMIC-III as the full set and as the open demo give it: notes, admissions, diagnoses."""

import csv
import gzip
from collections import Counter
from io import BytesIO, StringIO
from pathlib import Path

import pytest

from finetune.data.formats import read_rows
from tools.errors import BadInputError
from tools.ingest.formats import Unreadable, format_of, named
from tools.ingest.formats.mimic import NOTE_COLUMNS
from tools.library import Article

NOTES = ["row_id", "subject_id", "hadm_id", "chartdate", "charttime", "storetime", "category",
         "description", "cgid", "iserror", "text"]  # fmt: skip
ADMISSIONS = ["row_id", "subject_id", "hadm_id", "admittime", "dischtime", "deathtime",
              "admission_type", "admission_location", "discharge_location", "insurance", "language",
              "religion", "marital_status", "ethnicity", "edregtime", "edouttime", "diagnosis",
              "hospital_expire_flag", "has_chartevents_data"]  # fmt: skip
DIAGNOSES = ["row_id", "subject_id", "hadm_id", "seq_num", "icd9_code"]
TEXT = 'Admission Date:  [**2151-7-16**]\n\nShe said "I fell, twice",\nand slept.\n'


def note(row_id: int, admission: str = "100", error: str = "", text: str = TEXT) -> dict:
    return {"row_id": row_id, "subject_id": 7, "hadm_id": admission, "chartdate": "2151-08-04",
            "category": "Discharge summary ", "description": "Report", "iserror": error,
            "text": text}  # fmt: skip


def table(columns: list[str], rows: list[dict], upper: bool = False) -> str:
    file = StringIO()
    header = [c.upper() if upper else c for c in columns]
    csv.writer(file, quoting=csv.QUOTE_ALL if upper else csv.QUOTE_MINIMAL).writerow(header)
    csv.DictWriter(file, columns, restval="").writerows(rows)
    return file.getvalue()


def write(root: Path, name: str, text: str) -> None:
    path = root / name
    path.write_bytes(gzip.compress(text.encode()) if name.endswith(".gz") else text.encode())


def mimic(root: Path, notes: list[dict], full: bool = False) -> Path:
    end = ".csv.gz" if full else ".csv"
    admission = {
        "subject_id": 7, "hadm_id": 100, "admission_type": "EMERGENCY", "religion": "SECRET",
        "admission_location": "CLINIC REFERRAL", "diagnosis": "FALL;SYNCOPE",
    }  # fmt: skip
    uncoded = admission | {"hadm_id": 101}
    codes = [{"hadm_id": 100, "seq_num": n, "icd9_code": c} for n, c in
             ((2, "99662"), (1, "0389"), (10, "V090"), ("", ""))]  # fmt: skip
    titles = [{"icd9_code": "0389", "long_title": "Unspecified septicemia"}]
    write(root, f"NOTEEVENTS{end}", table(NOTES, notes, full))
    write(root, f"ADMISSIONS{end}", table(ADMISSIONS, [admission, uncoded], full))
    write(root, f"DIAGNOSES_ICD{end}", table(DIAGNOSES, codes, full))
    write(root, f"D_ICD_DIAGNOSES{end}", table(["row_id", "icd9_code", "long_title"], titles, full))
    return root


def read(root: Path) -> tuple[list, Counter]:
    dropped: Counter[str] = Counter()
    return list(read_rows(root, "mimic", dropped)), dropped


@pytest.mark.parametrize("full", [True, False])
def test_packed_upper_case_and_plain_lower_case_tables_say_the_same(tmp_path, full):
    rows, dropped = read(mimic(tmp_path, [note(1)], full))
    kind, why, admission = rows
    seen = 'Admission Date: [**2151-7-16**] She said "I fell, twice", and slept.'
    assert kind.prefix == f"answer en what kind of clinical note is this? context: {seen}"
    assert (kind.suffix, kind.truth) == ("discharge summary", {"category": "discharge summary"})
    assert why.suffix == "Unspecified septicemia; ICD-9 99662; ICD-9 V090"
    assert why.truth == {"hadm_id": "100", "icd9": "0389|99662|V090"}
    assert admission.prefix.endswith(
        "emergency admission by clinic referral, because of FALL;SYNCOPE"
    )
    assert {(r.image, r.group) for r in rows} == {(None, "7")}
    assert dropped == {
        "diagnosis without admission, place or code": 1,
        "admission has no coded diagnosis": 1,
    }


def test_what_is_said_of_religion_or_language_is_in_no_row(tmp_path):
    rows, _ = read(mimic(tmp_path, [note(1)]))
    assert "SECRET" not in str(rows)


def test_notes_in_error_and_empty_ones_are_counted(tmp_path):
    notes = [note(1, error="1"), note(2, text="  "), note(3) | {"subject_id": ""}, note(4)]
    rows, dropped = read(mimic(tmp_path, notes))
    assert [r.name for r in rows] == ["note 4", "note 4", "admission 100"]
    assert dropped["note was entered in error (ISERROR)"] == 1
    assert dropped["note has no TEXT"] == dropped["note has no SUBJECT_ID"] == 1


def test_a_note_without_an_admission_has_a_kind_and_no_diagnoses(tmp_path):
    rows, _ = read(mimic(tmp_path, [note(1, admission="")]))
    assert [sorted(r.truth) for r in rows] == [["category"], ["hadm_id", "icd9"]]


def test_a_header_without_notes_leaves_the_admissions(tmp_path):
    rows, _ = read(mimic(tmp_path, []))
    assert [r.name for r in rows] == ["admission 100"]


def test_a_long_note_is_cut(tmp_path):
    rows, _ = read(mimic(tmp_path, [note(1, text="word " * 5000)]))
    assert len(rows[0].prefix) < 2100


def test_notes_alone_are_enough(tmp_path):
    write(tmp_path, "noteevents.csv", table(NOTES, [note(1)]))
    assert [r.truth for r in read(tmp_path)[0]] == [{"category": "discharge summary"}]


def test_another_layout_is_refused_before_the_first_row(tmp_path):
    write(tmp_path, "PATIENTS.csv", "row_id\n")
    with pytest.raises(BadInputError, match=r"Looked for NOTEEVENTS.csv.*Found PATIENTS.csv"):
        read_rows(tmp_path, "mimic", Counter())


def test_a_missing_column_is_named(tmp_path):
    write(tmp_path, "NOTEEVENTS.csv", "ROW_ID,SUBJECT_ID,TEXT\n1,2,x\n")
    with pytest.raises(BadInputError, match=r"NOTEEVENTS.csv .*no column HADM_ID, CATEGORY"):
        read(tmp_path)


def test_a_packed_table_cut_short_is_named(tmp_path):
    mimic(tmp_path, [note(n) for n in range(50)], full=True)
    path = tmp_path / "NOTEEVENTS.csv.gz"
    path.write_bytes(path.read_bytes()[:-20])
    with pytest.raises(BadInputError, match=r"NOTEEVENTS.csv.gz cannot be read to its end"):
        read(tmp_path)


@pytest.mark.parametrize("full", [True, False])
def test_the_library_gets_a_note_as_an_article(tmp_path, full):
    mimic(tmp_path, [note(1), note(2, error="1")], full)
    path = tmp_path / ("NOTEEVENTS.csv.gz" if full else "NOTEEVENTS.csv")
    form = format_of(path)
    assert form is named("mimic")
    text = table(NOTES, [note(1), note(2, error="1")], full)
    article, wrong = form.read(BytesIO(text.encode()), "mimic-iii")
    assert isinstance(article, Article)
    assert (article.source_id, article.pmid, article.year) == ("mimic:1", None, None)
    assert article.title == "Discharge summary: Report"
    assert article.passages[0].text.startswith("Admission Date: [**2151-7-16**] She said")
    assert wrong == Unreadable("note 2", "was entered in error (ISERROR)")
    assert set(NOTE_COLUMNS) <= set(NOTES)


def test_a_file_of_notes_without_notes_is_named():
    header = table(NOTES, []).encode()
    (said,) = named("mimic").read(BytesIO(header), "demo")
    assert "no notes" in said.reason


@pytest.mark.shared
def test_the_open_demo_is_read(shared_data):
    root = shared_data / "format_samples" / "mimic-iii-clinical-database-demo-1.4"
    rows, dropped = read(root)
    assert (len(rows), len({r.group for r in rows}), dict(dropped)) == (128, 99, {})
    assert "Sepsis" in rows[0].suffix
