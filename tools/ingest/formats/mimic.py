"""MIMIC-III's tables (Johnson et al. 2016), NOTEEVENTS above all: a note is an article here.

Column names are upper case in the full set and lower case in the open demo. Notes run over many
lines and hold quotes. A note entered in error (ISERROR) is left out, by name. Dates are shifted
into the future, so a note has no year. Spans taken out ([** … **]) stay as they are.
"""

import csv
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import BinaryIO

from tools.errors import BadInputError
from tools.ingest.formats.record import DAMAGE, Format, Record, Unreadable, article, as_text

NOTE_COLUMNS = ("row_id", "subject_id", "hadm_id", "category", "description", "iserror", "text")


@dataclass(frozen=True)
class Note:
    """A row of NOTEEVENTS; `admission` is "" where it is null."""

    row_id: str
    patient: str
    admission: str
    category: str
    description: str
    text: str


def rows(lines: Iterable[str], columns: Sequence[str]) -> Iterator[tuple[str, ...]]:
    """These columns of a table, trimmed, a row at a time; BadInputError names one that is missing.

    Raises csv.Error for a row that is no csv.
    """
    reader = csv.reader(lines)
    names = [name.strip().lower() for name in next(reader, [])]
    if missing := [column for column in columns if column not in names]:
        raise BadInputError(
            f"the table has no column {', '.join(missing).upper()}; found {', '.join(names)}"
        )
    at = [names.index(column) for column in columns]
    for row in reader:
        if row:
            yield tuple(row[i].strip() if i < len(row) else "" for i in at)


def notes(lines: Iterable[str]) -> Iterator[Note | Unreadable]:
    """The notes of NOTEEVENTS, and what was left out."""
    for row_id, patient, admission, category, description, error, text in rows(lines, NOTE_COLUMNS):
        if error == "1":
            yield Unreadable(f"note {row_id}", "was entered in error (ISERROR)")
        elif not text:
            yield Unreadable(f"note {row_id}", "has no TEXT")
        elif not patient:
            yield Unreadable(f"note {row_id}", "has no SUBJECT_ID")
        else:
            yield Note(row_id, patient, admission, category, description, text)


def read(stream: BinaryIO, corpus: str) -> Iterator[Record]:
    """The notes as articles."""
    empty = True
    try:
        with as_text(stream) as text:
            for note in notes(text):
                empty = False
                yield note if isinstance(note, Unreadable) else _article(note, corpus)
    except (csv.Error, BadInputError, *DAMAGE) as e:
        yield Unreadable("the rest of the file", f"is damaged or not a table of notes ({e})")
        return
    if empty:
        yield Unreadable("the file", "has a header and no notes, as in the open demo")


def _article(note: Note, corpus: str) -> Record:
    return article(
        source_id=f"mimic:{note.row_id}",
        title=": ".join(filter(None, (note.category, note.description))),
        corpus=corpus,
        sections=[(note.category or "note", note.text)],
    )


def recognises(head: str) -> bool:
    """Whether the first line is the header of NOTEEVENTS."""
    names = head.split("\n", 1)[0].lower().replace('"', "").strip().split(",")
    return set(NOTE_COLUMNS) <= {name.strip() for name in names}


FORMAT = Format(
    "mimic",
    "MIMIC-III NOTEEVENTS.csv (columns SUBJECT_ID, HADM_ID, CATEGORY, TEXT, …)",
    (".csv",),
    recognises,
    read,
)
