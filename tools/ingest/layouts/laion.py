"""LAION's image-text pairs (Schuhmann et al. 2022, arXiv:2210.08402), as img2dataset has them.

Shards (<n>.tar of <key>.jpg, .txt, .json, with <n>.parquet beside them), or a metadata table with
a folder of images, named by key or by id. Releases name, order and type their columns differently:
they are found by name, without case. What LAION's own filters would leave out is refused.
"""

import json
import tarfile
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import partial
from itertools import islice
from pathlib import Path
from typing import Any, NamedTuple

from tools.errors import BadInputError
from tools.images import SUFFIXES
from tools.ingest.layouts import parquet
from tools.ingest.layouts.found import FoundImage, Images, Labelled, Layout, inside

CAPTIONS = ("caption", "text")
NAMES = ("key", "file_name", "filename", "image", "path", "sample_id", "hash")  # of an image
SCORES = ("similarity", "punsafe", "pwatermark", "aesthetic", "aesthetic_score")
COLUMNS = (*CAPTIONS, *NAMES, *SCORES, "url", "license", "nsfw", "language", "status")
LOOKS_FOR = (
    "*.tar shards of <key>.jpg, .txt, .json, or *.parquet with TEXT (or caption) and URL, "
    "beside a folder of images that are named by key or by id"
)


class Slice(NamedTuple):
    """A part of a file: an image in a shard."""

    path: Path
    start: int
    length: int

    def read(self) -> bytes:
        """Raises BadInputError where the file is gone."""
        try:
            with self.path.open("rb") as file:
                file.seek(self.start)
                return file.read(self.length)
        except OSError as e:
            raise BadInputError(f"lies in {self.path}, which cannot be read ({e})") from e


@dataclass(frozen=True)
class Pair:
    """An image and the text that stood beside it on the web."""

    name: str
    image: Path | Slice | None  # None: it was not downloaded
    caption: str
    scores: Mapping[str, float | None] = field(default_factory=dict)  # None: there, but unknown
    nsfw: str = ""
    licence: str | None = None
    url: str = ""
    flaw: str = ""  # why it is left out


@dataclass(frozen=True)
class Limits:
    """LAION's thresholds: of its aesthetic subset, and the similarity that laion2B-en begins at.

    A score that a release does not have is not judged; one that is empty does not pass, as in the
    SQL of LAION's own filter.
    """

    unsafe: float = 0.5  # punsafe must lie below
    watermark: float = 0.8  # pwatermark must lie below
    similarity: float = 0.28  # CLIP's cosine of image and text, at least

    def refusal(self, pair: Pair) -> str:
        """Why a pair is left out; empty where it passes."""
        below = {"punsafe": self.unsafe, "pwatermark": self.watermark}
        for name, limit in below.items():
            if name in pair.scores and not _less(pair.scores[name], limit):
                return f"its {name} is not below {limit:g}"
        if "similarity" in pair.scores and _less(pair.scores["similarity"], self.similarity):
            return f"its similarity is below {self.similarity:g}"
        return "it is marked as not safe for work" if pair.nsfw == "NSFW" else ""


USUAL = Limits()


def _less(score: float | None, limit: float) -> bool:
    return score is not None and score < limit


@dataclass(frozen=True)
class Home:
    """The shards, or the tables with the folder they lie in."""

    shards: tuple[Path, ...]
    tables: tuple[Path, ...] = ()


def home_of(root: Path) -> Home | None:
    """The pairs in `root`, or `root` as one shard or table; None where there are none."""
    beside = [root] if root.is_file() else sorted(root.iterdir()) if root.is_dir() else []
    shards = tuple(path for path in beside if path.suffix == ".tar" and path.is_file())
    if any(map(_is_shard, shards)):
        return Home(shards)
    tables = tuple(path for path in beside if _is_metadata(path))
    return Home((), tables) if tables else None


def _is_shard(path: Path) -> bool:
    """Whether it begins with an image and what is told of it, under one name and in no folder."""
    try:
        with tarfile.open(path, "r:") as tar:
            names = [Path(member.name) for member in islice(tar, 2)]
    except (tarfile.TarError, OSError, EOFError):
        return False
    suffixes = {*SUFFIXES, ".txt", ".json"}
    return len(names) == 2 and all(
        name.stem == names[0].stem and len(name.parts) == 1 and name.suffix.lower() in suffixes
        for name in names
    )


def _is_metadata(path: Path) -> bool:
    if path.suffix != ".parquet":
        return False
    names = {name.lower() for name in parquet.column_names(path)}
    return "url" in names and bool(names.intersection(CAPTIONS))


def pairs(home: Home, limits: Limits = USUAL) -> Iterator[Pair]:
    """Every pair, also what is left out; BadInputError for a damaged table."""
    for shard in home.shards:
        for pair in _of_shard(shard):
            yield replace(pair, flaw=pair.flaw or limits.refusal(pair))
    for table in home.tables:
        folders = [table.with_suffix(""), table.parent / "images", table.parent]
        for row in parquet.rows(table, COLUMNS):
            yield _of_row(row, folders, limits)


def _of_row(row: Mapping[str, Any], folders: Sequence[Path], limits: Limits) -> Pair:
    name = next((str(row[n]) for n in NAMES if row.get(n) not in (None, "")), "")
    if (status := row.get("status")) not in (None, "success"):
        return _pair(name, None, row, f"was not downloaded ({status})")
    pair = _pair(name, None, row)
    if refusal := pair.flaw or limits.refusal(pair):
        return replace(pair, flaw=refusal)
    shard = folders[-1] / name[:5]  # img2dataset's keys begin with the number of their shard
    try:
        return replace(pair, image=_file([*folders, shard], name))
    except BadInputError as e:
        return replace(pair, flaw=str(e))


def _file(folders: Sequence[Path], name: str) -> Path:
    """The image called `name`, with an extension of an image or as it is."""
    named = Path(name).suffix.lower() in SUFFIXES
    tried = [name] if named else [name + suffix for suffix in (".jpg", *SUFFIXES)]
    found = (inside(folders, one) for one in tried)
    return next((path for path in found if path.is_file()), folders[0] / tried[0])


def _of_shard(shard: Path) -> Iterator[Pair]:
    """Pairs of one shard; of its table, what was not downloaded."""
    table = shard.with_suffix(".parquet")
    rows = {}
    if {"key"} <= {name.lower() for name in parquet.column_names(table)}:
        rows = {str(row["key"]): row for row in parquet.rows(table, COLUMNS)}
    try:
        for key, members in _by_key(shard):
            yield _of_members(key, members, rows.pop(key, {}))
    except (tarfile.TarError, OSError, EOFError) as e:
        yield Pair(shard.name, None, "", flaw=f"lies in a damaged shard ({type(e).__name__})")
    for key, row in rows.items():
        yield _pair(
            key, None, row, f"was not downloaded ({row.get('status') or 'not in its shard'})"
        )


def _by_key(shard: Path) -> Iterator[tuple[str, dict[str, Slice]]]:
    """The members of each key, which follow each other, by extension."""
    key, members = "", dict[str, Slice]()
    with tarfile.open(shard, "r:") as tar:
        for member in tar:
            tar.members = []  # type: ignore[attr-defined]  # it keeps them all otherwise
            name = Path(member.name)
            if not member.isfile() or name.name.startswith("."):
                continue
            if name.stem != key and members:
                yield key, members
                members = {}
            key = name.stem
            members[name.suffix.lower()] = Slice(shard, member.offset_data, member.size)
    if members:
        yield key, members


def _of_members(key: str, members: Mapping[str, Slice], row: Mapping[str, Any]) -> Pair:
    told: dict[str, Any] = dict(row)
    try:
        if ".json" in members:
            said = json.loads(members[".json"].read())
            told |= {str(name).lower(): value for name, value in said.items()}
        if ".txt" in members:
            told["caption"] = members[".txt"].read().decode()
    except (ValueError, AttributeError):
        return Pair(key, None, "", flaw="has metadata that cannot be read")
    image = next((members[suffix] for suffix in SUFFIXES if suffix in members), None)
    return _pair(key, image, told, "" if image else "has no image in its shard")


def _pair(name: str, image: Path | Slice | None, told: Mapping[str, Any], flaw: str = "") -> Pair:
    caption = next((" ".join(str(told[c]).split()) for c in CAPTIONS if told.get(c)), "")
    licence = str(told.get("license") or "?")
    return Pair(
        name=name,
        image=image,
        caption=caption,
        scores={n: _number(told[n]) for n in SCORES if n in told},
        nsfw=str(told.get("nsfw") or "").strip().upper(),
        licence=None if licence == "?" else licence,
        url=str(told.get("url") or ""),
        flaw=flaw or ("" if caption else "has no caption"),
    )


def _number(value: object) -> float | None:
    """A score of whatever type; None for one that is empty or not a number."""
    try:
        number = float(str(value))
    except ValueError:
        return None
    return number if number == number else None


def find(root: Path) -> Images | None:
    """Shards, or a metadata table."""
    home = home_of(root)
    return partial(walk, home) if home else None


def walk(home: Home) -> Iterator[FoundImage]:
    """One image a pair; why one is left out is told when it is read."""
    for pair in pairs(home):
        read = partial(labelled, pair)
        if isinstance(pair.image, Slice):
            path = pair.image.path / pair.name  # names the image; the shard holds it
            yield FoundImage(path, read, pair.image.read)
        elif pair.image is None:
            yield FoundImage(Path(pair.name or "(no name)"), read, partial(_absent, pair))
        else:
            yield FoundImage(pair.image, read)


def _absent(pair: Pair) -> bytes:
    raise BadInputError(pair.flaw)


def labelled(pair: Pair) -> Labelled:
    """Its text as the caption; BadInputError where it is left out."""
    if pair.flaw:
        raise BadInputError(pair.flaw)
    labels = {"url": pair.url} if pair.url else {}
    return Labelled(pair.caption, labels, source="laion", licence=pair.licence)


LAYOUT = Layout("laion", LOOKS_FOR, find)
