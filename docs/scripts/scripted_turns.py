"""Ask 100 scripted turns of the real agent on held-out images, then write `cytoscribe report`.

    python docs/scripts/scripted_turns.py [--data FOLDER] [--turns 100] [--out docs/share/report]

With the development data (FOLDER) the images are those of docs/benchmarks/descriptions/*.test.csv,
which no training saw; without, drawn ones. Users are simulated: they know the labels, mark each
finding whose truth is known, correct what is wrong, and give a thumb up where all they know of is
right (of literature: where the answer cites passages). Their role says "simulated" wherever it is
shown; of people's satisfaction it shows nothing.
"""

import argparse
import sys
import tempfile
import uuid
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from itertools import cycle, islice
from math import inf
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT))

from agent.build import open_assistant  # noqa: E402
from agent.settings import load_settings  # noqa: E402
from agent.turn import Feedback, TurnRecord  # noqa: E402
from eval.document import write  # noqa: E402
from eval.quality.cost import prices_of  # noqa: E402
from eval.quality.page import TITLE, parts  # noqa: E402
from eval.quality.report import gather  # noqa: E402
from eval.quick.simulated import drawn  # noqa: E402
from eval.split_file import read_split  # noqa: E402
from eval.truth import Dataset, Known, Truths, complete, find_images  # noqa: E402
from page.examples import FULL_QUESTION  # noqa: E402
from tools.evidence import DescriptionEvidence  # noqa: E402
from tools.simulate import starter_recipes  # noqa: E402
from tools.starter import fill_starter_library  # noqa: E402

LISTS = ROOT / "docs" / "benchmarks" / "descriptions"
SETS: dict[str, tuple[Dataset, str]] = {
    "pbc_wbcatt": ("wbcatt", "simulated haematologist"),
    "bccd": ("voc", "simulated technician"),
    "nuclei_dsb2018": ("masks", "simulated cell biologist"),
}
COUNTS = {
    "count:red blood cell": "red_blood_cell_count",
    "count:white blood cell": "white_blood_cell_count",
    "count:platelet": "platelet_count",
    "count:nucleus": "nuclei_count",
}
# A session: an image with everything, a follow-up, a second image, its cases, then one of LAST.
FIRST, FOLLOW_UP, SECOND, CASES = (
    FULL_QUESTION, "What about its nucleus?", "Describe this image.", "And similar cases?",
)  # fmt: skip
LAST = (
    "What does the literature say about segmentation of the neutrophil nucleus?",
    "What causes toxic granulation?",
    "Are there papers on counting platelets in blood smears?",
    "What is written about eosinophils in asthma?",
    "Who won the match yesterday?",
)
ACCEPTED = 0.1  # how far a count may be off


@dataclass(frozen=True)
class User:
    """Who asks, about which images."""

    role: str
    images: tuple[Known, ...]


def users(data: Path | None, folder: Path) -> Iterator[User]:
    """Pairs of images with a role, the sets taking turns: of leukocytes twice as often."""
    if data is None:
        known = drawn(folder, starter_recipes(7)[:60])
        yield from (User("simulated user", tuple(known[i : i + 2])) for i in range(0, 60, 2))
        return
    pools = {name: iter(cycle(list(_pairs(data, name)))) for name in SETS}
    for name in cycle(("pbc_wbcatt", "bccd", "pbc_wbcatt", "nuclei_dsb2018")):
        yield User(SETS[name][1], next(pools[name]))


def _pairs(data: Path, name: str) -> Iterator[tuple[Known, ...]]:
    layout, root = SETS[name][0], data / name
    images = find_images(layout, root)
    split = read_split(LISTS / f"{name}.test.csv", [image.path for image in images])
    truths = Truths(layout, root, rows=split.rows)
    known = complete([truths.read(image) for image in images if image.path in split.rows])
    step = max(1, len(known) // 40)  # over the whole list: it is sorted by class
    some = known[::step]
    yield from zip(some[: len(some) // 2], some[len(some) // 2 :], strict=False)


def session(user: User, last: str, ask: Callable[..., TurnRecord]) -> Iterator[Feedback]:
    """Five turns, and what the user says of each."""
    name, (first, second) = uuid.uuid4().hex, user.images
    for question, image, shown in (
        (FIRST, first, first), (FOLLOW_UP, None, first), (SECOND, second, second),
        (CASES, None, None), (last, None, None),
    ):  # fmt: skip
        data = [image.path.read_bytes()] if image else []
        yield judged(ask(name, question, data), shown, user.role)


def judged(record: TurnRecord, shown: Known | None, role: str) -> Feedback:
    """What somebody who knows the labels would say."""
    marks, corrected = dict[str, bool](), dict[str, str]()
    seen = [e for e in record.evidence().values() if isinstance(e, DescriptionEvidence)]
    for finding in seen[-1].findings if shown and seen else ():
        if (truth := true_value(finding.name, shown)) is None:
            continue
        marks[finding.name] = same(finding.value, truth)
        if not marks[finding.name]:
            corrected[finding.name] = truth
    cites = bool(record.answer.cited())
    return Feedback(
        feedback_id=uuid.uuid4().hex,
        turn_id=record.turn.turn_id,
        image_id=seen[-1].image_id if seen else None,
        helpful=all(marks.values()) if marks else cites,
        finding_marks=marks,
        corrected_findings=corrected,
        comment=None if marks or cites else "simulated: no evidence was cited",
        role=role,
        reviewer="simulated",
        given_at=datetime.now(UTC),
    )


def true_value(finding: str, shown: Known | None) -> str | None:
    """What the labels say of a finding, where they say anything."""
    facts = shown.facts if shown else {}
    counts = {name: facts[key] for key, name in COUNTS.items() if key in facts}
    return counts.get(finding) or facts.get(finding)


def same(said: str, truth: str) -> bool:
    """Equal; numbers may be off by a tenth."""
    if truth.isdecimal() and said.isdecimal():
        return abs(int(said) - int(truth)) <= ACCEPTED * int(truth)
    return said == truth


def main() -> None:
    options = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    options.add_argument("--data", type=Path, help="default: drawn images")
    options.add_argument("--turns", type=int, default=100)
    options.add_argument("--results", type=Path, default=ROOT / "docs" / "benchmarks")
    options.add_argument("--out", type=Path, default=ROOT / "docs" / "share" / "report")
    given = options.parse_args()
    with tempfile.TemporaryDirectory(prefix="cyto-turns-") as name:
        folder = Path(name)
        folder.chmod(0o755)  # started by root, Postgres runs as another user
        settings = load_settings(data_dir=folder)
        with open_assistant(settings, progress=print) as assistant:
            library = (assistant.store, assistant.model, assistant.encoder)
            fill_starter_library(*library, folder / "starter", print, patience=inf)

            def ask(session: str, question: str, images: list[bytes]) -> TurnRecord:
                return assistant.ask(assistant.new_turn(session, question, images))

            sessions = zip(users(given.data, folder), cycle(LAST), strict=False)
            said = (f for user, last in sessions for f in session(user, last, ask))
            for number, feedback in enumerate(islice(said, given.turns), 1):
                assistant.give_feedback(feedback)
                print(f"\rturn {number} of {given.turns}", end="", file=sys.stderr, flush=True)
            store = assistant.store
            made = gather(
                store.turns_with_feedback(), given.results, prices_of(settings),
                tokens=store.tokens(), remarks=store.remarks(),
            )  # fmt: skip
    given.out.mkdir(parents=True, exist_ok=True)
    (given.out / "report.json").write_text(made.model_dump_json(indent=1) + "\n", "utf-8")
    print(*write(TITLE, list(parts(made)), given.out, "report"))


if __name__ == "__main__":
    main()
