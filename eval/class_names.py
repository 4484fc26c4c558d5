"""Names of a set's classes, brought to the classes the model can say.

Laboratories' names of blood cells are known (`tools.findings.names`), as are the sets' own class
folders. For the rest there is a table of the user's own.
"""

import csv
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from tools.errors import BadInputError
from tools.findings import BY_NAME, CELL_TYPE, COUNTS, RED_CELL_TYPE, TISSUE_TYPE
from tools.findings.names import cell_type, normal
from tools.ingest.labels import class_label, thing

CLASS_QUESTIONS = tuple(q.name for q in (CELL_TYPE, RED_CELL_TYPE, TISSUE_TYPE))
Class = tuple[str, str]  # question, option


def counted_thing(name: str) -> str | None:
    """What a box of this name counts as: every leukocyte is a white blood cell."""
    singular = (thing(form) for form in (name, normal(name), normal(name).removesuffix("s")))
    found = next((said for said in singular if said in COUNTS), None)
    if found is None and (cell := cell_type(name)) is not None and cell != "erythroblast":
        found = "platelet" if cell == "platelet" else "white blood cell"
    return found


@dataclass(frozen=True)
class ClassNames:
    """The names of a set: the user's own first, then what is built in."""

    own: Mapping[str, Class | None] = field(default_factory=dict)  # by normal name; None: left out

    def of_class(self, name: str, siblings: Collection[str] = ()) -> Class | None:
        """Question and option of a class; None for what no model here can say."""
        if (key := normal(name)) in self.own:
            own = self.own[key]
            return own if own and own[0] in CLASS_QUESTIONS else None
        question, value = class_label(name, siblings)
        if question in BY_NAME and value in BY_NAME[question].options:
            return question, value
        return (CELL_TYPE.name, cell) if (cell := cell_type(name)) is not None else None

    def of_thing(self, name: str) -> str | None:
        """What is counted; None for what no model here counts."""
        if (key := normal(name)) in self.own:
            own = self.own[key]
            return counted_thing(own[1]) if own else None
        return counted_thing(name)


def read_map(table: Path) -> ClassNames:
    """A csv file of name,class, with or without a header; an empty class leaves images out."""
    rows = list(_rows(table))
    named = rows[1:] if rows and _is_header(rows[0]) else rows
    return ClassNames({normal(name): _target(value, table) for name, value in named})


def _rows(table: Path) -> Iterator[tuple[str, str]]:
    try:
        with table.open(newline="", encoding="utf-8-sig") as file:
            for row in csv.reader(file):
                cells = [cell.strip() for cell in row]
                if any(cells):
                    yield cells[0], cells[1] if len(cells) > 1 else ""
    except (OSError, UnicodeDecodeError, csv.Error) as e:
        raise BadInputError(f"{table} is not a readable csv table in UTF-8 ({e})") from e


def _is_header(row: tuple[str, str]) -> bool:
    return row[1].casefold() in ("class", "cell_type", "label", "option", "maps_to")


def _target(value: str, table: Path) -> Class | None:
    if not value:
        return None
    if (found := ClassNames().of_class(value)) is not None:
        return found
    if (said := counted_thing(value)) is not None:
        return "count", said
    known = ", ".join(CELL_TYPE.options)
    raise BadInputError(
        f"{table} maps to {value!r}, which no model here can say; name a cell type ({known}), a "
        f"red cell type, a tissue type, or one of {', '.join(COUNTS)}"
    )
