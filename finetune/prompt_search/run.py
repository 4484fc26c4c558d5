"""A whole search, from a request to its report; and the winner as a checkpoint's default prompt."""

import json
from collections import Counter
from collections.abc import Callable
from dataclasses import asdict, dataclass, replace
from datetime import UTC, datetime
from pathlib import Path

from agent.loading import PROMPTS
from agent.paligemma import load_paligemma
from agent.prompts import read_better
from finetune.closed.drawing import Sides, Sizes, draw
from finetune.closed.task import Task, task_of
from finetune.data.example import Split
from finetune.data.formats import read_rows
from finetune.data.row import Dropped
from finetune.prompt_search.candidates import candidates
from finetune.prompt_search.kept import Kept
from finetune.prompt_search.report import Told, as_json, default_entry, dumps, winner
from finetune.prompt_search.search import Figure, Found, Search, metric_of, tested
from finetune.prompt_search.soft import recipe_for, soft_pairs, train_soft_prompt
from finetune.prompt_search.wordings import known_wordings, read_wordings
from tools.errors import BadInputError, Cancelled

REPORT, SOFT = "report.json", "soft"
CASES = (1, 3, 5)
Say = Callable[[str], None]


@dataclass(frozen=True)
class Request:
    """What is searched for, on which rows, and for how long."""

    model: str
    revision: str | None
    adapter: str | None
    dtype: str
    format: str
    root: Path
    field: str
    figure: Figure = "accuracy"
    train: int = 500
    dev: int = 240
    test: int = 400
    dev_from: Split = "dev"
    prompts: int = 48
    budget: int = 4000
    wordings: Path | None = None
    cases: bool = True
    soft_steps: int = 200
    seed: int = 0

    def sizes(self) -> Sizes:
        return {"train": self.train, "dev": self.dev, "test": self.test}

    def as_json(self) -> Told:
        return {name: _plain(value) for name, value in asdict(self).items()}


def run(request: Request, out: Path, say: Say) -> Told:
    """Search, and write report.json into the folder `out`.

    Raises BadInputError where there is nothing to search on.
    """
    dropped: Dropped = Counter()
    say(f"Reading {request.root}")
    rows = read_rows(request.root, request.format, dropped)
    sides = draw(rows, request.sizes(), request.seed, request.dev_from)
    task = task_of(request.field, sides.train)
    example = task.rows(sides.train)[0].prefix
    out.mkdir(parents=True, exist_ok=True)
    found, name = _search(request, sides, task, out, say)
    about = request.as_json() | {
        "model": name, "rows": sides.sizes(), "split": sides.digest(), "options": task.options,
        "dropped": dict(dropped), "date": datetime.now(UTC).date().isoformat(),
    }  # fmt: skip
    told = as_json(found, about, example)
    (out / REPORT).write_text(dumps(told), "utf-8")
    return told


def _search(request: Request, sides: Sides, task: Task, out: Path, say: Say) -> tuple[Found, str]:
    model = load_paligemma(
        request.model, revision=request.revision, adapter=request.adapter, dtype=request.dtype
    )
    kept = Kept(out, f"{model.name} {sides.digest()} {task.field}")
    search = Search(model, sides, task, metric_of(request.figure, task.field), kept)
    shown = CASES if request.cases and search.train[0].image is not None else ()
    words = read_wordings(request.wordings) if request.wordings else known_wordings(request.field)
    tried = candidates(words, shown, request.prompts, request.seed)
    found = search.go(tried, request.budget, say)
    if request.soft_steps and not found.stopped:
        found = _with_soft_prompt(request, search, found, out, say)
    return found, model.name


def _with_soft_prompt(request: Request, search: Search, found: Found, out: Path, say: Say) -> Found:
    if request.adapter:
        raise BadInputError(
            "a soft prompt is trained on a checkpoint without an adapter: --no-soft"
        )
    say(f"Training a soft prompt on {len(search.dev)} development rows")
    recipe = recipe_for(request.model, request.revision, request.soft_steps, request.seed)
    try:
        trained = train_soft_prompt(recipe, search.dev, out / SOFT)
        ours = soft_pairs(trained, search.task, search.test, request.dtype)
    except (Cancelled, KeyboardInterrupt):
        return replace(found, stopped=True)
    row = tested(None, None, search.metric, ours, found.hand_written)
    return replace(found, tested=(*found.tested, row))


def make_default(told: Told, model: str, adapter: str | None) -> Path | None:
    """Write the winner into the prompts.json of the checkpoint's folder; None where none is better.

    Raises BadInputError for a hub id: what lies in its cache must stay what the hub has.
    """
    best = winner(told)
    folder = Path(adapter or model).expanduser()
    if not folder.is_dir():
        raise BadInputError(
            f"{adapter or model} is no folder; `hf download {adapter or model} --local-dir DIR` and"
            " search with --model DIR"
        )
    if best is None:
        return None
    entry = default_entry(told, best)
    file = folder / PROMPTS
    old = json.loads(file.read_text("utf-8")) if file.is_file() else {}
    text = dumps(old | {entry["hand_written"]["prompt"]: entry})
    read_better(text)
    file.write_text(text, "utf-8")
    return file


def _plain(value: object) -> object:
    return str(value) if isinstance(value, Path) else value
