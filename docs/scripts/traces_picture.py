"""Make docs/images/traces.png: the Traces page of a real turn, in a real browser.

    python docs/scripts/traces_picture.py [--data FOLDER] [--out FILE]

With the development data (FOLDER, default: shared/data beside the repository) the turn is about a
leukocyte that the model was not trained on (PBC, Acevedo et al. 2020, CC BY 4.0), over a library
with a few images of each set; without, about a drawn cell and the starter library.
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
from real_library import asked_about, fill, slice_of  # noqa: E402
from screenshot import TO_THE_TOP, drawn_cell  # noqa: E402
from trace_window import TraceWindow  # noqa: E402

from page.examples import FULL_QUESTION  # noqa: E402

WIDTH, HEIGHT, COLOURS = 1280, 1150, 64


def main() -> None:
    options = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    options.add_argument("--data", type=Path, default=ROOT.parent / "shared" / "data")
    options.add_argument("--out", type=Path, default=ROOT / "docs" / "images" / "traces.png")
    chosen = options.parse_args()
    real = chosen.data.is_dir()
    with page_server() as server, tempfile.TemporaryDirectory() as folder:
        image = asked_about(chosen.data) if real else drawn_cell(Path(folder))
        with chromium(WIDTH, HEIGHT) as driver:
            window = ChatWindow(driver, server.url, 600).open()
            if real:
                fill(server.data, slice_of(chosen.data, Path(folder) / "slice"), without=image)
            for _ in range(2):  # the second turn shows no first-time work
                window.open().ask(FULL_QUESTION, image)
            traces = TraceWindow(window)
            traces.open()
            window.until(lambda _: traces.evidence_titles())
            driver.execute_script(TO_THE_TOP)
            shot = Image.open(io.BytesIO(driver.get_screenshot_as_png())).convert("RGB")
            rows = traces.rows()
    shot.quantize(COLOURS).save(chosen.out, optimize=True)
    print(*(f"{row.ms:8.1f} ms  {row.name}" for row in rows), sep="\n")
    print(f"{chosen.out}: {chosen.out.stat().st_size // 1024} KB")


if __name__ == "__main__":
    main()
