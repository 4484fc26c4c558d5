"""Record docs/share/demo.webp: a question on an image, its answer, a correction, the Quality page.

    python docs/scripts/demo.py [--data FOLDER] [--out FILE]

The real app and model in a real browser. With the development data (FOLDER) the image is a
leukocyte that no training saw (PBC, Acevedo et al. 2020, CC BY 4.0); without, a drawn one.
"""

import argparse
import io
import sys
import tempfile
import time
from pathlib import Path

from PIL import Image, ImageChops

ROOT = Path(__file__).resolve().parents[2]
sys.path[:0] = [str(ROOT), str(ROOT / "tests" / "browser"), str(Path(__file__).parent)]

from chat_window import ChatWindow, chromium  # noqa: E402
from page_server import page_server  # noqa: E402
from real_library import asked_about  # noqa: E402
from screenshot import drawn_cell  # noqa: E402

from page.examples import FULL_QUESTION  # noqa: E402

WIDTH, HEIGHT, SCALE = 1180, 760, 0.62
WAIT = 1500  # seconds that a busy machine may take
WATCHED = 0.4  # seconds between two looks at the page
LONGEST, SHORTEST = 1600, 250  # milliseconds a frame is shown
LARGEST = 100_000  # bytes
QUALITIES = (60, 45, 35, 25, 18, 12)
# The page scrolls in one of several elements: the tallest that can.
SCROLL = """
const all = [...document.querySelectorAll('*')].filter(e => e.scrollHeight > e.clientHeight + 50
  && ['auto', 'scroll'].includes(getComputedStyle(e).overflowY))
all.sort((a, b) => b.scrollHeight - a.scrollHeight)
if (all.length) all[0].scrollTop = arguments[0] * (all[0].scrollHeight - all[0].clientHeight)
"""


class Recorder:
    """Frames of a window, each shown as long as the page looked so."""

    def __init__(self, window: ChatWindow) -> None:
        self.window, self.frames, self.shown = window, list[Image.Image](), list[int]()
        self._last = time.monotonic()

    def look(self, hold: int | None = None) -> None:
        """Take a frame, unless the page is as it was; `hold` it that many milliseconds."""
        png = self.window.driver.get_screenshot_as_png()
        whole = Image.open(io.BytesIO(png)).convert("RGB")
        frame = whole.resize(
            (round(WIDTH * SCALE), round(HEIGHT * SCALE)), Image.Resampling.LANCZOS
        )
        now = time.monotonic()
        passed = hold or round(1000 * (now - self._last))
        self._last = now
        if self.frames and ImageChops.difference(self.frames[-1], frame).getbbox() is None:
            self.shown[-1] = max(self.shown[-1], min(passed, LONGEST))
            return
        self.frames.append(frame)
        self.shown.append(max(SHORTEST, min(passed, hold or LONGEST)))

    def scroll(self, *shares: float, hold: int) -> None:
        for share in shares:
            self.window.driver.execute_script(SCROLL, share)
            time.sleep(0.5)  # the page scrolls smoothly
            self.look(hold)

    def save(self, path: Path) -> None:
        """An animated WebP, as good as LARGEST allows; SystemExit where nothing does."""
        first, *others = self.frames
        for quality in QUALITIES:
            first.save(path, save_all=True, append_images=others, duration=self.shown, loop=0,
                       quality=quality, method=6)  # fmt: skip
            if path.stat().st_size <= LARGEST:
                return
        raise SystemExit(f"{path} has {path.stat().st_size:,} bytes; record fewer frames")


def record(window: ChatWindow, image: Path) -> Recorder:
    """The demo, start to end."""
    window.open()
    film = Recorder(window)
    film.look(1600)
    with window.next_outcome():
        window.send(FULL_QUESTION, image)
        while not window.outcomes():
            film.look()
            time.sleep(WATCHED)
    film.scroll(0.0, 0.5, hold=3000)
    window.unfold("Review what the model saw")
    film.scroll(0.7, 1.0, hold=2000)
    window.follow_link("Quality")
    window.until(lambda _: "Time to generate" in window.page_text())
    film.scroll(0.0, 0.4, hold=2500)
    return film


def main() -> None:
    options = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    options.add_argument("--data", type=Path, help="default: a drawn cell")
    options.add_argument("--out", type=Path, default=ROOT / "docs" / "share" / "demo.webp")
    given = options.parse_args()
    with page_server() as server, tempfile.TemporaryDirectory() as folder:
        image = asked_about(given.data) if given.data else drawn_cell(Path(folder))
        with chromium(WIDTH, HEIGHT) as driver:
            film = record(ChatWindow(driver, server.url, WAIT), image)
        film.save(given.out)
    seconds = sum(film.shown) / 1000
    print(
        f"{given.out}: {len(film.frames)} frames, {seconds:.0f} s, {given.out.stat().st_size:,} B"
    )


if __name__ == "__main__":
    main()
