"""Rows of MIMIC-III (Johnson et al. 2016), text alone: notes, admissions and their diagnoses.

The kind of a note; the diagnoses of its admission, from the note; the diagnoses of an admission,
from why the patient came. ICD-9 codes are joined by HADM_ID. What the tables say of a patient's
religion, language, insurance or ethnicity is never read. Notes are streamed; the codes of all
admissions are in memory (some 20 MB for the full set).
"""

import csv
import gzip
import zlib
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import TextIO, cast

from agent.prompts import answer_from
from finetune.data.layout import not_laid_out
from finetune.data.row import Dropped, Row, RowFormat
from tools.errors import BadInputError
from tools.ingest.formats.mimic import Note, notes, rows
from tools.ingest.formats.record import Unreadable

NOTES, ADMISSIONS, DIAGNOSES, TITLES = (
    "NOTEEVENTS", "ADMISSIONS", "DIAGNOSES_ICD", "D_ICD_DIAGNOSES",
)  # fmt: skip
LOOKS_FOR = (
    f"{NOTES}.csv or {ADMISSIONS}.csv with {DIAGNOSES}.csv (each also .csv.gz; {TITLES}.csv puts "
    "codes into words)"
)
LICENCE = "PhysioNet Credentialed Health Data License; the open demo: ODbL 1.0"
READ = 2000  # characters of a note: some 500 tokens
NAMED = 5  # diagnoses in an answer, the first of the list: that is in order of importance
WHAT_KIND = "what kind of clinical note is this?"
WHICH = "which diagnoses were coded for this admission?"
_DAMAGE = (csv.Error, BadInputError, OSError, EOFError, zlib.error)


@dataclass(frozen=True)
class Coded:
    """ICD-9 codes by admission, and their titles."""

    codes: Mapping[str, str] = field(default_factory=dict)  # "2:99662 1:99591": small in memory
    titles: Mapping[str, str] = field(default_factory=dict)

    def of(self, admission: str) -> list[str]:
        """The codes of an admission, the first in sequence first."""
        pairs = [pair.split(":") for pair in self.codes.get(admission, "").split()]
        return [code for _, code in sorted(pairs, key=lambda pair: int(pair[0]))]

    def in_words(self, codes: Sequence[str]) -> str:
        return "; ".join(self.titles.get(code, f"ICD-9 {code}") for code in codes[:NAMED])


def tables(root: Path) -> dict[str, Path]:
    """The tables in `root` by upper-case name; the unpacked file where there are both."""
    if not root.is_dir():
        return {}
    packed = sorted(root.iterdir(), key=lambda path: path.suffix == ".gz", reverse=True)
    found = {path.name.split(".")[0].upper(): path for path in packed if _is_table(path)}
    return {name: found[name] for name in (NOTES, ADMISSIONS, DIAGNOSES, TITLES) if name in found}


def _is_table(path: Path) -> bool:
    return path.name.lower().endswith((".csv", ".csv.gz")) and path.is_file()


def read(root: Path, dropped: Dropped) -> Iterator[Row]:
    """A row or two a note, then a row an admission."""
    found = tables(root)
    if NOTES not in found and not {ADMISSIONS, DIAGNOSES} <= found.keys():
        raise not_laid_out(root, LOOKS_FOR)
    return _rows(found, dropped)


def _rows(found: Mapping[str, Path], dropped: Dropped) -> Iterator[Row]:
    coded = _coded(found, dropped)
    if NOTES in found:
        with _opened(found[NOTES]) as lines:
            for note in notes(lines):
                if isinstance(note, Unreadable):
                    dropped[f"note {note.reason}"] += 1
                else:
                    yield from _of_note(note, coded)
    if {ADMISSIONS, DIAGNOSES} <= found.keys():
        with _opened(found[ADMISSIONS]) as lines:
            yield from _of_admissions(lines, coded, dropped)


@contextmanager
def _opened(path: Path) -> Iterator[TextIO]:
    """A table as text; BadInputError names the file where it breaks off or is another."""
    try:
        opened = gzip.open if path.suffix.lower() == ".gz" else open
        with opened(path, "rt", encoding="utf-8-sig", errors="replace", newline="") as lines:
            yield cast(TextIO, lines)
    except _DAMAGE as e:
        raise BadInputError(f"{path} cannot be read to its end ({e}); download it again") from e


def _coded(found: Mapping[str, Path], dropped: Dropped) -> Coded:
    codes: dict[str, str] = {}
    titles: dict[str, str] = {}
    if DIAGNOSES in found:
        with _opened(found[DIAGNOSES]) as lines:
            for admission, place, code in rows(lines, ("hadm_id", "seq_num", "icd9_code")):
                if not (admission and code and place.isdigit()):
                    dropped["diagnosis without admission, place or code"] += 1
                else:
                    codes[admission] = f"{codes.get(admission, '')} {place}:{code}"
    if TITLES in found:
        with _opened(found[TITLES]) as lines:
            named = rows(lines, ("icd9_code", "long_title"))
            titles = {code: title for code, title in named if title}
    return Coded(codes, titles)


def _of_note(note: Note, coded: Coded) -> Iterator[Row]:
    name, read = f"note {note.row_id}", note.text[:READ]
    if note.category:
        kind = note.category.lower()
        yield _row(name, answer_from(WHAT_KIND, read), kind, note.patient, {"category": kind})
    if codes := coded.of(note.admission):
        truth = {"hadm_id": note.admission, "icd9": "|".join(codes)}
        prefix = answer_from(WHICH, read)
        yield _row(name, prefix, coded.in_words(codes), note.patient, truth)


def _of_admissions(lines: TextIO, coded: Coded, dropped: Dropped) -> Iterator[Row]:
    columns = ("subject_id", "hadm_id", "admission_type", "admission_location", "diagnosis")
    for patient, admission, kind, place, reason in rows(lines, columns):
        codes = coded.of(admission)
        if not (patient and codes and reason):
            lacking = "SUBJECT_ID" if not patient else "DIAGNOSIS" if codes else "coded diagnosis"
            dropped[f"admission has no {lacking}"] += 1
            continue
        came = f"{kind.lower()} admission by {place.lower()}, because of {reason}"
        truth = {"hadm_id": admission, "icd9": "|".join(codes)}
        prefix = answer_from(WHICH, came)
        yield _row(f"admission {admission}", prefix, coded.in_words(codes), patient, truth)


def _row(name: str, prefix: str, suffix: str, patient: str, truth: Mapping[str, str]) -> Row:
    return Row(name, None, prefix, suffix, patient, "mimic", LICENCE, truth)


FORMAT = RowFormat(
    "mimic", LOOKS_FOR, read, "kinds of clinical notes; the diagnoses of an admission, from text"
)
