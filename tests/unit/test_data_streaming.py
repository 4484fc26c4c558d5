"""Sets of the official size stream in flat memory: generated with every variant, then read."""

import json
import subprocess
import sys

import pytest
from PIL import Image

VISION_FLAN = 186_103  # records
MEMORY = 120 * 2**20  # bytes above an empty read; the file alone has more

READ = """
import json, resource, sys
from collections import Counter
from pathlib import Path
from finetune.data.formats import read_rows

def peak():
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024

def read(root):
    dropped = Counter()
    return sum(1 for _ in read_rows(Path(root), "vision-flan", dropped)), dict(dropped)

read(sys.argv[1])
before = peak()
rows, dropped = read(sys.argv[2])
print(json.dumps([rows, dropped, peak() - before]))
"""


def record(number):
    """Instructions of the published length; each variant comes again and again."""
    place = ("<image>\n{}", "{}\n<image>")[number % 2]
    question = place.format("which of these answers is true of the picture? " * 8)
    answer = "" if number == 77 else "a cube " * 10
    name = f"t_{number}_{number % 50}.png" if number % 1000 == 3 else f"{number % 50}.png"
    return {
        "id": f"multiinstruct_['train', \"val\"]_{number // 3}",
        "image": name,
        "task_name": f"task {number % 191}",
        "conversations": [{"from": "human", "value": question}, {"from": "gpt", "value": answer}],
    }


def write(root, number):
    images = root / "images_191task_1k"
    images.mkdir(parents=True)
    for n in range(50):
        Image.new("RGB", (8, 8)).save(images / f"{n}.png")
    with (root / "annotation_191-task_1k.json").open("w") as file:
        for n in range(number):
            file.write(("[" if n == 0 else ",\n") + json.dumps(record(n)))
        file.write("]")


@pytest.mark.slow
def test_vision_flan_streams_at_its_official_size(tmp_path):
    write(tmp_path / "few", 200)
    write(tmp_path / "all", VISION_FLAN)
    assert (tmp_path / "all" / "annotation_191-task_1k.json").stat().st_size > MEMORY * 0.9
    asked = [sys.executable, "-c", READ, str(tmp_path / "few"), str(tmp_path / "all")]
    done = subprocess.run(asked, capture_output=True, text=True, check=True)
    rows, dropped, grown = json.loads(done.stdout)
    missing = len(range(3, VISION_FLAN, 1000))
    assert dropped == {"has an empty answer": 1, "its image is missing": missing}
    assert rows == VISION_FLAN - 1 - missing
    assert grown < MEMORY / 4
