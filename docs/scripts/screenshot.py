"""Make docs/images/chat.png: the real page, the real model, a real browser.

    python docs/scripts/screenshot.py [--data FOLDER] [--out FILE]

With the development data (FOLDER, default: shared/data beside the repository) the library is filled
with its cells and abstracts, and the question is about a leukocyte that is not among them (PBC,
Acevedo et al. 2020, CC BY 4.0). Without, about a drawn cell and the starter library.
"""

import argparse
import io
import sys
import tempfile
from pathlib import Path

from PIL import Image

ROOT = Path(__file__).resolve().parents[2]
sys.path[:0] = [str(ROOT), str(ROOT / "tests" / "browser")]

from chat_window import ChatWindow, chromium  # noqa: E402
from page_server import page_server  # noqa: E402
from real_library import asked_about, fill  # noqa: E402

from page.examples import FULL_QUESTION  # noqa: E402
from tools import simulate  # noqa: E402

WIDTH, HEIGHT, COLOURS = 1280, 1500, 96
TO_THE_TOP = "document.querySelectorAll('*').forEach(e => e.scrollTop = 0)"


def picture(window: ChatWindow, image: Path) -> Image.Image:
    """The page with a whole answer on it."""
    window.open().ask(FULL_QUESTION, image)
    window.driver.execute_script(TO_THE_TOP)
    return Image.open(io.BytesIO(window.driver.get_screenshot_as_png())).convert("RGB")


def drawn_cell(folder: Path) -> Path:
    path = folder / "simulated-cell.png"
    Image.fromarray(simulate.draw("cell", 7, "neutrophil").pixels).save(path)
    return path


def main() -> None:
    options = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    options.add_argument("--data", type=Path, default=ROOT.parent / "shared" / "data")
    options.add_argument("--out", type=Path, default=ROOT / "docs" / "images" / "chat.png")
    chosen = options.parse_args()
    with page_server() as server, tempfile.TemporaryDirectory() as folder:
        image = asked_about(chosen.data) if chosen.data.is_dir() else drawn_cell(Path(folder))
        with chromium(WIDTH, HEIGHT) as driver:
            window = ChatWindow(driver, server.url).open()
            if chosen.data.is_dir():
                fill(server.data, chosen.data, without=image)
            shot = picture(window, image)
            cases, pmids = window.cases(), window.pmids()
    shot.quantize(COLOURS).save(chosen.out, optimize=True)
    print(f"{len(cases)} similar cases; PMIDs {', '.join(pmids)}")
    print(f"{chosen.out}: {chosen.out.stat().st_size // 1024} KB")


if __name__ == "__main__":
    main()
