"""Tiny labelled folders in each layout, measured with a model whose answers are known."""

import csv

from oracle import Oracle
from PIL import Image

from eval.evaluation import Request, evaluate
from eval.measuring import Limits
from tools.findings import ATTRIBUTES

GREY = 128  # the red of the blank image


def picture(path, red):
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.new("RGB", (8, 8), (red, 0, 0)).save(path)
    return path


def run(says, dataset, root, sure=0.8, **request):
    return evaluate(Request(dataset, root, **request), lambda: Oracle(says, sure), Limits())


def cells(root, *classes):
    """Folders with an image each, of red 1, 2, …"""
    for red, name in enumerate(classes, 1):
        picture(root / name / f"{red}.png", red)
    return root


def cell(name, **more):
    return {"subject": "single blood cell", "cell_type": name, "text": f"It is a {name}.", **more}


def attributes(**changed):
    first = {question.name: question.options[0] for question in ATTRIBUTES}
    return first | changed


WBCATT = {"chromatin_density": "densely", "nucleus_shape": "unsegmented-band"}


def wbcatt(root, table, *rows):
    """Images of red 1, 2, … with a csv row each."""
    for red, row in enumerate(rows, 1):
        picture(root / "PBC_dataset_normal_DIB" / row["label"].lower() / f"X_{red}.jpg", red * 40)
    with table.open("w", newline="") as file:
        writer = csv.DictWriter(file, ["img_name", *rows[0], "path"])
        writer.writeheader()
        for red, row in enumerate(rows, 1):
            writer.writerow({"img_name": f"X_{red}.jpg", "path": "elsewhere/", **row, **WBCATT})
    return root


def near(red, says):
    """JPEG changes colours a little."""
    return {red + off: says for off in range(-3, 4)}


BOX = """<object><name>{0}</name><bndbox><xmin>{1}</xmin><ymin>1</ymin><xmax>99</xmax>
<ymax>99</ymax></bndbox></object>"""


def voc(root, *images):
    """Images of red 1, 2, … with so many boxes of each name."""
    for red, boxes in enumerate(images, 1):
        picture(root / "JPEGImages" / f"{red}.png", red)
        drawn = "".join(BOX.format(n, i) for n, number in boxes.items() for i in range(number))
        (root / "Annotations").mkdir(exist_ok=True)
        (root / "Annotations" / f"{red}.xml").write_text(f"<annotation>{drawn}</annotation>")
    return root
