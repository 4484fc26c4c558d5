"""Vision-FLAN (Xu et al. 2024, arXiv:2402.11690): instructions about images, by task.

As published in two forms: an annotation file (one JSON list, read a record at a time, however
long) beside a folder of images, or Parquet tables whose columns are a record's keys. An id is not
unique and may hold quotes and brackets; an image's file name is its name here.
"""

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

from tools.errors import BadInputError
from tools.ingest.labels import plain
from tools.ingest.layouts import parquet
from tools.ingest.layouts.found import FoundImage, Images, Labelled, Layout, inside

IMAGE = "<image>"
COLUMNS = ("conversations", "id", "task_name", "image")
HEAD = 1 << 16  # characters; a record is far shorter
LONGEST_LABEL = 100  # characters; longer answers are no labels
LOOKS_FOR = (
    "annotation_*.json (a list of {image, task_name, conversations}) beside images_191task_1k/, "
    "or *.parquet with the columns conversations and image"
)
Record = Mapping[str, Any]


@dataclass(frozen=True)
class Instruction:
    """A question about an image and its answer; `found_in` names the picture that was annotated.

    The same picture comes with several tasks, under a name each.
    """

    image: Path | bytes
    name: str
    task: str
    question: str
    answer: str
    found_in: str


@dataclass(frozen=True)
class Home:
    """The files that hold records, and the folders that may hold their images."""

    files: tuple[Path, ...]
    folders: tuple[Path, ...]


def home_of(root: Path) -> Home | None:
    """The records in `root`, or `root` as one of their files; None where there are none."""
    beside = [root] if root.is_file() else sorted(root.iterdir()) if root.is_dir() else []
    files = tuple(path for path in beside if _holds_records(path))
    if not files:
        return None
    base = files[0].parent
    return Home(files, (*sorted(f for f in base.glob("image*") if f.is_dir()), base))


def _holds_records(path: Path) -> bool:
    if path.suffix == ".parquet":
        return {"conversations", "image"} <= {name.lower() for name in parquet.column_names(path)}
    if path.suffix != ".json" or not path.is_file():
        return False
    with path.open(encoding="utf-8-sig", errors="replace") as text:
        head = text.read(HEAD)
    return bool(re.match(r"\s*\[\s*\{", head)) and '"conversations"' in head


def records(home: Home) -> Iterator[Record]:
    """Every record, one at a time; BadInputError for a damaged file or images left packed."""
    for path in home.files:
        if path.suffix == ".parquet":
            yield from parquet.rows(path, COLUMNS)
        else:
            _check_unpacked(path, home)
            yield from _listed(path)


def _check_unpacked(annotation: Path, home: Home) -> None:
    packed = next(iter(sorted(annotation.parent.glob("image*.zip"))), None)
    if packed and len(home.folders) == 1:
        raise BadInputError(f"{packed} is still packed; unzip it in {annotation.parent}")


def _listed(path: Path) -> Iterator[Record]:
    import ijson

    try:
        with path.open("rb") as file:
            for record in ijson.items(file, "item", use_float=True):
                yield record if isinstance(record, dict) else {}
    except (ijson.JSONError, UnicodeDecodeError) as e:
        raise BadInputError(f"{path} is damaged or cut short ({e}); download it again") from e


def instruction(record: Record, folders: Sequence[Path]) -> Instruction:
    """A record read; BadInputError, worded as of an image, for one that cannot be used."""
    question, answer = _turns(record.get("conversations"))
    image, name = image_of(record, folders)
    task = str(record.get("task_name") or "")
    return Instruction(image, name, task, question, answer, picture(name, task))


def image_of(record: Record, folders: Sequence[Path]) -> tuple[Path | bytes, str]:
    """The file or the content of a record's image, and its name."""
    held = record.get("image")
    if not isinstance(held, Mapping):
        path = inside(folders, str(held or ""))
        return path, path.name
    name = Path(str(held.get("path") or record.get("id") or "image")).name
    if isinstance(content := held.get("bytes"), bytes):
        return content, name
    return inside(folders, str(held.get("path") or "")), name


def _turns(said: object) -> tuple[str, str]:
    """What is asked, without the place of the image, and the answer."""
    turns = said if isinstance(said, list) else _parsed(said)
    speakers = [turn.get("from") for turn in turns if isinstance(turn, Mapping)]
    if speakers != ["human", "gpt"]:
        raise BadInputError("has no conversation of one question and one answer")
    asked, answered = (str(turn.get("value") or "") for turn in turns)
    question, answer = asked.replace(IMAGE, " ").strip(), answered.strip()
    if not question or not answer:
        raise BadInputError(f"has an empty {'answer' if question else 'question'}")
    return question, answer


def _parsed(said: object) -> list[Any]:
    """Some copies of the tables hold the conversation as JSON text."""
    try:
        turns = json.loads(said) if isinstance(said, str) else []
    except ValueError:
        return []
    return turns if isinstance(turns, list) else []


def picture(name: str, task: str) -> str:
    """The annotated picture: "CLEVR+question_answer_184_CLEVR_train_003462.png" less its task.

    COCO's pictures come as COCO_train2014_000000010449 and as 000000010449.
    """
    stem = Path(name).stem
    stem = re.sub(rf"^{re.escape(task)}_\d+_", "", stem) if task else stem
    return re.sub(r"^COCO_(train|val|test)20\d\d_", "", stem)


def find(root: Path) -> Images | None:
    """Records with a conversation about an image each."""
    home = home_of(root)
    return partial(walk, home) if home else None


def walk(home: Home) -> Iterator[FoundImage]:
    """One image a record; one that several records are about comes as often."""
    for record in records(home):
        try:
            image, name = image_of(record, home.folders)
        except BadInputError:
            image, name = home.folders[0] / "(no name)", ""
        read = partial(labelled, record, home.folders)
        if isinstance(image, Path):
            yield FoundImage(image, read)
        else:
            yield FoundImage(home.folders[0] / name, read, partial(bytes, image))


def labelled(record: Record, folders: Sequence[Path]) -> Labelled:
    """Question and answer as the caption; the task, and a short answer, as labels."""
    known = instruction(record, folders)
    labels = {"task": plain(known.task)} if known.task else {}
    if len(known.answer) <= LONGEST_LABEL:
        labels["answer"] = known.answer
    caption = f"Question: {known.question} Answer: {known.answer}"
    return Labelled(caption, labels, known.found_in, source="vision-flan")


LAYOUT = Layout("vision-flan", LOOKS_FOR, find)
