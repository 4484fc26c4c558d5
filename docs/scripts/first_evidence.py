"""How long a user waits on the page: from Send to the first evidence and to the whole answer.

    python docs/scripts/first_evidence.py [--questions N] [--data FOLDER]

The real page with the starter library, the shipped model and a real browser, whose own clock is
read; every question is asked in a new session about an image that was never looked at: drawn
cells, or images of PBC (Acevedo et al. 2020, CC BY 4.0) in FOLDER.
"""

import argparse
import random
import statistics
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

from PIL import Image

ROOT = Path(__file__).resolve().parents[2]
sys.path[:0] = [str(ROOT), str(ROOT / "tests" / "browser")]

from chat_window import ChatWindow, chromium  # noqa: E402
from page_server import page_server  # noqa: E402

from page.examples import FULL_QUESTION  # noqa: E402
from tools import simulate  # noqa: E402

WATCH = """
const first = {};
window.waited = first;
const send = document.querySelector('[data-testid=stChatInputSubmitButton]');
send.addEventListener('click', () => first.sent = performance.now(), {once: true, capture: true});
const seen = {evidence: 'table.findings, .gallery, .passages',
              answer: '.answer:is(.grounded, .abstained, .failed)'};
new MutationObserver(() => {
  for (const [name, selector] of Object.entries(seen))
    if (first.sent && !first[name] && document.querySelector(selector))
      first[name] = performance.now();
}).observe(document.body, {childList: true, subtree: true});
"""


class Waited(NamedTuple):
    """Seconds after Send."""

    evidence: float
    answer: float


def ask(window: ChatWindow, image: Path) -> Waited:
    """One question in a session of its own."""
    window.open()
    window.driver.execute_script(WATCH)
    window.ask(FULL_QUESTION, image)
    times = window.driver.execute_script("return window.waited")
    return Waited(*((times[name] - times["sent"]) / 1000 for name in ("evidence", "answer")))


def images(data: Path | None, count: int, folder: Path) -> Iterator[Path]:
    if data:
        files = sorted(data.rglob("*.jpg"))
        yield from random.Random(0).sample(files, count)
        return
    for seed in range(count):
        path = folder / f"{seed}.png"
        Image.fromarray(simulate.draw("cell", 1000 + seed).pixels).save(path)
        yield path


def told(name: str, seconds: list[float]) -> str:
    ordered = sorted(seconds)
    p95 = ordered[min(len(ordered) - 1, int(0.95 * len(ordered)))]
    return f"{name}: median {statistics.median(ordered):.2f} s, 95% within {p95:.2f} s"


def main() -> None:
    options = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    options.add_argument("--questions", type=int, default=30)
    options.add_argument("--data", type=Path, help="a folder of PBC's images")
    chosen = options.parse_args()
    with (
        page_server() as server,
        tempfile.TemporaryDirectory() as folder,
        chromium() as driver,
    ):
        window = ChatWindow(driver, server.url)
        asked = images(chosen.data, chosen.questions + 1, Path(folder))
        _, *waited = [ask(window, image) for image in asked]  # the first starts the model
    print(f"{len(waited)} questions")
    print(told("first evidence", [w.evidence for w in waited]))
    print(told("whole answer", [w.answer for w in waited]))


if __name__ == "__main__":
    main()
