"""The rows of a data set of questions: what is asked, and what a good turn finds, uses and says.

One JSON object a line. `starter:NAME` stands for an image of the starter library, and
`starter:KIND/VARIANT` among the reference ids for all of one class of it; any other image is a file
beside the rows, any other id a source ("pmid:123") or an image id ("img-…") of the library.
"""

import hashlib
import json
import random
from collections import Counter
from collections.abc import Sequence
from pathlib import Path

from pydantic import Field, ValidationError

from agent.turn import ToolName
from tools.errors import BadInputError
from tools.evidence import Frozen

SHIPPED = Path(__file__).parent.parent / "data" / "rag" / "starter.jsonl"


class Row(Frozen):
    """A question and its references."""

    id: str = ""  # the line's number where none is given
    kind: str = "question"  # a name to report under
    question: str = Field(min_length=1)
    image: str | None = None
    reference_answer: str = Field(min_length=1)
    reference_ids: tuple[str, ...] = ()
    reference_tools: tuple[ToolName, ...] = ()
    abstain: bool = False  # the right answer is that there is none


def read_rows(path: Path) -> tuple[Row, ...]:
    """The rows of a JSON-lines file; BadInputError names the line that is not understood."""
    try:
        lines = path.read_text(encoding="utf-8").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        raise BadInputError(f"{path} cannot be read: {error}; name a JSON-lines file") from error
    rows = tuple(_row(path, number, line) for number, line in enumerate(lines, 1) if line.strip())
    if not rows:
        raise BadInputError(f"{path} holds no row; write one JSON object a line")
    twice = [name for name, times in Counter(row.id for row in rows).items() if times > 1]
    if twice:
        raise BadInputError(f"{path}: the id {twice[0]!r} stands on several lines; ids are unique")
    return rows


def _row(path: Path, number: int, line: str) -> Row:
    try:
        fields = json.loads(line)
        return Row.model_validate({"id": str(number), **fields})
    except (ValidationError, ValueError, TypeError) as error:
        told = "; ".join(
            f"{'.'.join(map(str, e['loc']))}: {e['msg']}" for e in error.errors()
        ) if isinstance(error, ValidationError) else str(error)  # fmt: skip
        raise BadInputError(f"{path}, line {number} is not a row: {told}") from error


def drawn(rows: Sequence[Row], limit: int | None, seed: int) -> tuple[Row, ...]:
    """`limit` of the rows in their order, the same for the same seed; all where it is None."""
    if limit is None or limit >= len(rows):
        return tuple(rows)
    chosen = sorted(random.Random(seed).sample(range(len(rows)), limit))
    return tuple(rows[index] for index in chosen)


def digest(rows: Sequence[Row]) -> str:
    """Twelve hex digits of the rows' content."""
    told = "\n".join(row.model_dump_json() for row in rows)
    return hashlib.sha256(told.encode()).hexdigest()[:12]
