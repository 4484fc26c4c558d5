"""What `cytoscribe feedback export` writes: rows as PaliGemma's fine-tuning files, by session."""

from collections.abc import Iterator
from pathlib import Path

from finetune.data import jsonl
from finetune.data.layout import not_laid_out
from finetune.data.row import Dropped, Row, RowFormat

MARK = "export.json"  # tells an export from another folder
LOOKS_FOR = f"the folder that `cytoscribe feedback export` made ({MARK}, *.jsonl, images/)"


def read(root: Path, dropped: Dropped) -> Iterator[Row]:
    """The rows of every side; what is in conflict is no row."""
    if not (root / MARK).is_file():
        raise not_laid_out(root, LOOKS_FOR)
    return jsonl.read(root, dropped)


FORMAT = RowFormat("feedback", LOOKS_FOR, read, "what professionals confirmed and corrected")
