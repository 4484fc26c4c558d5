"""`cytoscribe eval similar` on class folders, with a small PaliGemma and a real library."""

import json

import numpy as np
import pytest
from click.testing import CliRunner
from PIL import Image

from agent.paligemma import load_paligemma
from eval.commands.similar import similar
from eval.similar import measure, read_queries
from tools.errors import BadInputError
from tools.ingest.images import Limits

pytestmark = pytest.mark.db
GREYS = {"neutrophil": 60, "lymphocyte": 200}


@pytest.fixture
def folder(tmp_path):
    """Four images a class, told apart by their brightness."""
    draw = np.random.default_rng(0)
    for name, grey in GREYS.items():
        (tmp_path / name).mkdir()
        for i in range(4):
            noise = draw.integers(-5, 5, (32, 32, 3))
            picture = Image.fromarray((grey + noise).astype(np.uint8))
            picture.save(tmp_path / name / f"{name}{i}.png")
    return tmp_path


@pytest.fixture(scope="module")
def model(tiny_paligemma_dir):
    return load_paligemma(str(tiny_paligemma_dir))


@pytest.fixture
def listed(folder):
    """One query of each class."""
    path = folder / "test.csv"
    path.write_text("name\nneutrophil0.png\nlymphocyte0.png\n")
    return path


def test_a_query_is_never_in_its_library(folder, listed, store, model):
    queries = read_queries(folder, "class", listed, Limits())
    told = measure(folder, queries, "class", store, model, Limits())
    assert (told["queries"], told["library"]) == (2, 6)
    assert told["map@5_ci"][0] <= told["map@5"] <= told["map@5_ci"][1]


def test_the_command_needs_no_library_and_leaves_none(folder, listed, tiny_paligemma_dir):
    asked = ["--library", folder, "--queries", folder, "--query-list", listed, "--json"]
    ran = CliRunner().invoke(similar, [*map(str, asked), "--model", str(tiny_paligemma_dir)])
    assert ran.exit_code == 0, ran.output
    told = json.loads(ran.stdout)
    assert told["command"] == "eval similar"
    assert {"map@5", "acc@1", "knn_accuracy", "p95_ms"} <= set(told)


def test_an_unknown_label_is_named(folder):
    with pytest.raises(BadInputError, match="'stage'"):
        read_queries(folder, "stage", None, Limits())


def test_a_library_of_queries_alone_is_refused(folder, store, model):
    queries = read_queries(folder, "class", None, Limits())
    with pytest.raises(BadInputError, match="not a query"):
        measure(folder, queries, "class", store, model, Limits())
