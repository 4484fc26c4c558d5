"""One cell of the grid: adapt the checkpoint by the method, ask the test side, keep it all.

What is kept are the answers, not figures: the report computes those, so that any two cells can be
compared image by image.
"""

import resource
import sys
import time
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from statistics import median
from typing import Any

from agent.loading import find_checkpoint, load_model, load_processor
from agent.paligemma import PaliGemma, load_paligemma
from eval import descriptions as metrics
from eval.measuring import one_thread
from finetune.closed.cases import library_of
from finetune.closed.drawing import Item, Sides, Sizes, draw
from finetune.closed.looking import cut, look, score
from finetune.closed.task import Task, task_of
from finetune.compare.asking import Asker
from finetune.compare.cells import DONE, Cell, Told
from finetune.compare.config import COUNT, TRAINED, CompareConfig
from finetune.data.formats import read_rows
from finetune.data.row import Dropped, Row
from finetune.prompt_search.candidates import HAND_WRITTEN, HardPrompt, candidates
from finetune.prompt_search.kept import Kept
from finetune.prompt_search.search import Search
from finetune.prompt_search.wordings import known_wordings
from finetune.run import STATE
from finetune.training import Trained, train
from tools.errors import BadInputError

TIMED = 8  # images, one at a time
CASES = (1, 3, 5)
Say = Callable[[str], None]


@dataclass(frozen=True, eq=False)
class Job:
    """A cell with all that it needs but the model."""

    cell: Cell
    config: CompareConfig
    sides: Sides
    tasks: tuple[Task, ...]
    folder: Path  # of its training
    base: str
    adapter: str | None
    say: Say

    def load(self) -> PaliGemma:
        return load_paligemma(self.base, adapter=self.adapter, dtype=self.config.dtype)


def run_cell(cell: Cell, config: CompareConfig, out: Path, say: Say) -> Told:
    """Everything about a cell, as JSON values.

    Raises the errors of the readers, the trainer and the model; nothing is kept then.
    """
    job = job_of(cell, config, out, say)
    asker, adapted = _adapted(job)
    began = time.monotonic()
    answered = asker.ask(job.sides.test)
    return {
        "status": DONE,
        **asdict(cell),
        "checkpoint": asker.model.name,
        "split": job.sides.digest(),
        "images": job.sides.sizes(),
        "fields": list(config.datasets[cell.dataset].fields),
        "seconds": time.monotonic() - began,
        **seconds_of_one(asker, job.sides.test),
        "peak_memory_mb": peak_memory_mb(),
        "cpu_seconds": time.process_time(),  # of this cell's own process
        **adapted,
        "date": datetime.now(UTC).date().isoformat(),
        "answers": [asdict(one) for one in answered],
    }


def job_of(cell: Cell, config: CompareConfig, out: Path, say: Say) -> Job:
    """Read the cell's dataset and draw its sides.

    Raises BadInputError where a side is empty, or nobody asks for a field.
    """
    data, dropped = config.datasets[cell.dataset], Dropped(Counter())
    sizes: Sizes = {"train": data.train, "dev": data.dev, "test": data.test}
    rows = read_rows(data.root, data.format, dropped)
    sides = draw(rows, sizes, config.seed, data.dev_from)
    if empty := [side for side, n in sides.sizes().items() if not n]:
        raise BadInputError(f"{data.root}: nothing on the {' and the '.join(empty)} side")
    fields = [name for name in data.fields if not name.startswith(COUNT)]
    tasks = tuple(task_of(name, sides.train) for name in fields)
    base, _, adapter = config.models[cell.model].partition("+")
    folder = out / "runs" / cell.file(out).stem
    return Job(cell, config, sides, tasks, folder, base, adapter or None, say)


def _adapted(job: Job) -> tuple[Asker, Told]:
    """The model made ready by the method, and what that took."""
    data, method = job.config.datasets[job.cell.dataset], job.cell.method
    if method in TRAINED:
        trained = _train(job)
        model = trained.load(dtype=job.config.dtype)
        return Asker(model, job.tasks, data, job.config.longest), _cost(trained)
    asker = Asker(job.load(), job.tasks, data, job.config.longest)
    if method == "zero-shot" or not job.tasks:
        return asker, {"trainable": 0, "adapting_seconds": 0.0, "prompt": None}
    return _searched(job, asker)


def _searched(job: Job, asker: Asker) -> tuple[Asker, Told]:
    """The best prompt of the main field on the development side."""
    began, search = time.monotonic(), job.config.search
    main = job.tasks[0]
    shows = search.cases and job.sides.train[0][0].image is not None
    tried = candidates(
        known_wordings(main.field), CASES if shows else (), search.prompts, job.config.seed
    )
    looked = Search(
        asker.model, job.sides, main, metrics.accuracy(main.field), Kept(None, ""),
        job.config.longest,
    )  # fmt: skip
    best = looked.choose(tried, search.budget, job.say)
    library = library_of(asker.model, looked.train) if best.cases else None
    told = {"trainable": 0, "adapting_seconds": time.monotonic() - began, "prompt": _said(best)}
    return Asker(asker.model, job.tasks, asker.data, asker.longest, best, library), told


def _said(prompt: HardPrompt) -> Told:
    return {**prompt.as_json(), "hand_written": prompt == HAND_WRITTEN}


def _train(job: Job) -> Trained:
    """Train on the training side; the development side picks the weights."""
    recipe = job.config.recipe(job.cell.method, _whole(job))
    job.folder.mkdir(parents=True, exist_ok=True)
    rows = [row for item in job.sides.train for row in item]
    held_out = [row for item in job.sides.dev for row in item]
    begun = (job.folder / STATE).exists()  # by a run that was stopped
    return train(recipe, job.folder, rows=rows, held_out=held_out, resume=begun, say=job.say)


def _whole(job: Job) -> str:
    """The checkpoint to train from; one with an adapter is merged into a folder first."""
    if job.adapter is None:
        return job.base
    folder = job.folder.parent / f"{job.cell.model}-merged"
    if not (folder / "config.json").is_file():
        base = find_checkpoint(job.base)
        adapter = find_checkpoint(job.adapter)
        model: Any = load_model(base, adapter=adapter, device="cpu", dtype=job.config.dtype)
        load_processor(base).save_pretrained(folder)
        model.save_pretrained(folder)
    return str(folder)


def _cost(trained: Trained) -> Told:
    return {
        "trainable": trained.trainable,
        "parameters": trained.parameters,
        "adapting_seconds": trained.seconds,
        "steps": trained.steps,
        "best_step": trained.best_step,
        "held_out_before": trained.held_out_before,
        "held_out": trained.held_out,
        "prompt": None,
    }


def seconds_of_one(asker: Asker, items: Sequence[Item]) -> dict[str, float | None]:
    """Median seconds of looking and answering, and of looking and writing, one image, one thread.

    The first image warms up and does not count. On a CPU it is the time of the processor, which
    others on the machine do not lengthen.
    """
    rows = [row for item in items if (row := asker.tasks and asker.tasks[0].row(item))]
    texts = [row for item in items for row in item if asker.free(row)]
    clock = time.perf_counter if _gpu() else time.process_time
    with one_thread():
        return {
            "seconds_per_answer": _median(partial(_answer, asker), rows, clock),
            "seconds_per_text": _median(partial(_write, asker), texts, clock),
        }


def _answer(asker: Asker, row: Row) -> None:
    prompt = cut(asker.model, row.prefix, asker.longest)
    score(asker.model, look(asker.model, [row.image]), [([prompt], asker.tasks[0].options)])


def _write(asker: Asker, row: Row) -> None:
    prompt = cut(asker.model, row.prefix, asker.longest)
    asker.model.generate(look(asker.model, [row.image]), [prompt])


def _median(
    work: Callable[[Row], None], rows: Sequence[Row], clock: Callable[[], float]
) -> float | None:
    seconds = []
    for row in rows[: TIMED + 1]:
        began = clock()
        work(row)
        seconds.append(clock() - began)
    return median(seconds[1:] or seconds) if seconds else None


def peak_memory_mb() -> int:
    """The most memory that this process held, or its GPU where it has one."""
    if gpu := _gpu():
        return int(gpu.max_memory_allocated()) // 2**20
    most = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return most // (2**20 if sys.platform == "darwin" else 2**10)


def _gpu() -> Any:
    """torch.cuda where there is one and torch is in use."""
    torch: Any = sys.modules.get("torch")
    return torch.cuda if torch is not None and torch.cuda.is_available() else None
