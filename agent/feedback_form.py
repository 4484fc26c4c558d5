"""The feedback form: a table that a professional fills in without the app, a row an answer.

`write_form` lists answers of this installation; `read_form` reads what came back, csv or JSON.
A row with a turn is feedback on it, a row without one a remark on Cytoscribe as a whole. A file
with a bad row is refused whole, each bad row named. It stores nothing.
"""

import csv
import hashlib
import io
import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from agent.turn import Feedback, TurnRecord
from tools.corrections import Remark
from tools.errors import BadInputError
from tools.evidence import DescriptionEvidence, Frozen

SHOWN = ("question", "answer", "seen")  # what the row is about; never read back
ASKED = (
    "turn_id", "image_id", "helpful", "findings_right", "findings_wrong", "corrections", "label",
    "description", "comment", "role", "reviewer", "given_at",
)  # fmt: skip
COLUMNS = (*SHOWN, *ASKED)
SAID = ASKED[2:9]  # a row with none of these was left empty
WORDS = {"yes": True, "no": False, "true": True, "false": False, "1": True, "0": False}
BAD_ROWS = 20  # named at most
LONGEST = 10_000  # characters of a cell
FORMULAS = ("=", "+", "-", "@", "\t")  # how a cell begins that a spreadsheet would run

Row = Mapping[str, str]


class Form(Frozen):
    """What a file says."""

    feedback: dict[int, Feedback]  # by row: 2 is the first below the header
    remarks: dict[int, Remark]
    empty: int  # rows that nobody filled in


def read_form(path: Path, now: datetime | None = None) -> Form:
    """The rows of a filled-in form; `now` dates those without `given_at`.

    Raises BadInputError for a file that is no form, and for bad rows, each with its number.
    """
    feedback, remarks, bad, empty = dict[int, Feedback](), dict[int, Remark](), list[str](), 0
    for number, row in _rows(path):
        if not any(row.get(column) for column in SAID):
            empty += 1
            continue
        try:
            said = _said(row, now or datetime.now(UTC))
        except (ValueError, ValidationError) as error:
            bad.append(f"row {number}: {_in_words(error)}")
            continue
        if isinstance(said, Feedback):
            feedback[number] = said
        else:
            remarks[number] = said
    refuse(path, bad)
    return Form(feedback=feedback, remarks=remarks, empty=empty)


def refuse(path: Path, bad: Sequence[str]) -> None:
    """Raise BadInputError that names the bad rows, if there are any."""
    if bad:
        more = f"; and {len(bad) - BAD_ROWS} more" if len(bad) > BAD_ROWS else ""
        told = "; ".join(bad[:BAD_ROWS])
        raise BadInputError(f"nothing of {path} was imported. {told}{more}")


def write_form(records: Iterable[TurnRecord]) -> str:
    """The form as csv, a row an image of an answer, to be filled in with any spreadsheet."""
    file = io.StringIO()
    writer = csv.DictWriter(file, COLUMNS, restval="", lineterminator="\n")
    writer.writeheader()
    for row in form_rows(records):
        writer.writerow({name: _harmless(value) for name, value in row.items()})
    return file.getvalue()


def form_rows(records: Iterable[TurnRecord]) -> Iterator[dict[str, str]]:
    """The rows to be filled in, without their empty cells."""
    for record in records:
        yield from _asking(record)


def _asking(record: TurnRecord) -> Iterator[dict[str, str]]:
    about = {
        "turn_id": record.turn.turn_id,
        "question": record.turn.question,
        "answer": record.answer.text,
    }
    seen = [e for e in record.evidence().values() if isinstance(e, DescriptionEvidence)]
    for one in seen:
        said = "; ".join(f"{f.name} = {f.value}" for f in one.findings)
        yield {**about, "image_id": one.image_id, "seen": said}
    if not seen:
        yield about


def _harmless(cell: str) -> str:
    return f"'{cell}" if cell.startswith(FORMULAS) else cell


def _rows(path: Path) -> Iterator[tuple[int, Row]]:
    """(number, cells) of each row; numbers are those of a spreadsheet: the header is row 1."""
    try:
        text = path.read_text(encoding="utf-8-sig")
        rows = _of_json(text) if path.suffix.lower() == ".json" else _of_csv(text)
    except (OSError, UnicodeDecodeError, ValueError, csv.Error) as error:
        raise BadInputError(f"{path} is not a readable form in UTF-8: {error}") from error
    known = {name for row in rows for name in row}
    if strange := sorted(known - set(COLUMNS)):
        raise BadInputError(
            f"{path} has columns that no form has: {', '.join(strange)}; known are "
            f"{', '.join(COLUMNS)}"
        )
    yield from enumerate(rows, 2)


def _of_csv(text: str) -> list[Row]:
    first = text.partition("\n")[0]
    reader = csv.DictReader(io.StringIO(text), delimiter=max(",;\t", key=first.count), strict=True)
    return [{_name(name): _cell(cell) for name, cell in row.items()} for row in reader]


def _name(column: str | None) -> str:
    return "(cells beyond the header)" if column is None else column.strip()


def _of_json(text: str) -> list[Row]:
    rows = json.loads(text)
    if not isinstance(rows, list) or not all(isinstance(row, dict) for row in rows):
        raise ValueError("a JSON form is a list of objects")
    return [{name: _cell(value) for name, value in row.items()} for row in rows]


def _cell(value: Any) -> str:
    """A JSON value as the csv would hold it: lists and objects joined by ";"."""
    match value:
        case None:
            return ""
        case bool():
            return "yes" if value else "no"
        case list():
            return "; ".join(map(str, value))
        case dict():
            return "; ".join(f"{name} = {told}" for name, told in value.items())
    return str(value).strip()


def _said(row: Row, now: datetime) -> Feedback | Remark:
    if long := [name for name in ASKED if len(row.get(name, "")) > LONGEST]:
        raise ValueError(f"{long[0]} has more than {LONGEST:,} characters")
    common = {
        "helpful": _yes_or_no(row.get("helpful", "")),
        **{name: row.get(name) or None for name in ("comment", "role", "reviewer")},
        "given_at": _when(row.get("given_at", ""), now),
    }
    if not row.get("turn_id"):
        return _remark(row, common)
    marks = dict.fromkeys(_list(row, "findings_right"), True)
    wrong = _list(row, "findings_wrong")
    if both := sorted(set(marks) & set(wrong)):
        raise ValueError(f"marked right and wrong: {', '.join(both)}")
    return Feedback(
        feedback_id=_id(row),
        turn_id=row["turn_id"],
        image_id=row.get("image_id") or None,
        finding_marks={**marks, **dict.fromkeys(wrong, False)},
        corrected_findings=_pairs(row),
        corrected_label=row.get("label") or None,
        corrected_description=row.get("description") or None,
        **common,
    )


def _remark(row: Row, common: Mapping[str, Any]) -> Remark:
    if only := [name for name in SAID[1:-1] if row.get(name)]:
        raise ValueError(f"{', '.join(only)} cannot be kept without the turn_id they are about")
    return Remark(remark_id=_id(row), **common)


def _id(row: Row) -> str:
    """Made from what was said, so that a file imported twice is one feedback."""
    told = json.dumps([row.get(name, "") for name in ASKED], ensure_ascii=False)
    return f"form-{hashlib.sha256(told.encode()).hexdigest()[:24]}"


def _yes_or_no(cell: str) -> bool | None:
    if cell and cell.lower() not in WORDS:
        raise ValueError(f"helpful is {cell!r}, neither yes nor no")
    return WORDS[cell.lower()] if cell else None


def _when(cell: str, now: datetime) -> datetime:
    if not cell:
        return now
    try:
        found = datetime.fromisoformat(cell)
    except ValueError:
        raise ValueError(
            f"given_at is {cell!r}; write it as 2026-11-27 or 2026-11-27T14:30"
        ) from None
    return found if found.tzinfo else found.replace(tzinfo=UTC)


def _list(row: Row, column: str) -> list[str]:
    return [name.strip() for name in row.get(column, "").split(";") if name.strip()]


def _pairs(row: Row) -> dict[str, str]:
    pairs = {}
    for pair in _list(row, "corrections"):
        name, sign, value = (part.strip() for part in pair.partition("="))
        if not (name and sign and value):
            raise ValueError(f"corrections has {pair!r}; write name = value; name = value")
        pairs[name] = value
    return pairs


def _in_words(error: ValueError) -> str:
    if isinstance(error, ValidationError):
        return "; ".join(str(e["msg"]).removeprefix("Value error, ") for e in error.errors())
    return str(error)
