import json
import os
import signal
import subprocess
import sys
import textwrap
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from agent.loading import has_isolated_images
from agent.paligemma import load_paligemma
from finetune.answers import Answers
from finetune.collate import Collator
from finetune.pictures import Pictures
from finetune.training import Trained, train
from tests import tiny_paligemma as tiny
from tests.training_rows import CELLS, pictured, recipe, rows, text_alone
from tools.errors import BadInputError, Cancelled

QUESTION = "what is the cell type"
METHODS = [
    {"method": "full", "freeze_vision": False},
    {"method": "lora", "lora": {"rank": 4}},
    {"method": "soft_prompt", "soft_prompt": {"length": 3, "start": "a cell with"}},
]
WORDS = {"method": "lora", "lora": {"rank": 4, "words": list(CELLS)}}
REPOSITORY = Path(__file__).parents[2]


def quiet(line: str) -> None:
    pass


def checkpoint(folder: Path, form: str) -> Path:
    words = tiny.processor()
    image_prefix = "isolated" if form == "isolated" else None
    tiny.model(2 if form == "2" else 1, words, image_prefix=image_prefix).save_pretrained(folder)
    words.save_pretrained(folder)
    return folder


@pytest.fixture(scope="module", params=["1", "2", "isolated"])
def base(request, tmp_path_factory) -> Path:
    return checkpoint(tmp_path_factory.mktemp("base"), request.param)


@pytest.fixture(scope="module")
def first(tmp_path_factory) -> Path:
    return checkpoint(tmp_path_factory.mktemp("first"), "1")


@pytest.mark.parametrize(
    "values", [*METHODS, WORDS], ids=["full", "lora", "soft prompt", "lora with new words"]
)
def test_what_was_trained_reloads_and_serving_gives_the_answers_that_training_saw(
    base, tmp_path, values
):
    held_out = [pictured(3)[0]]
    learned = [*rows(6), text_alone(1)]
    told = recipe(base, **values)
    trained = train(told, tmp_path, rows=learned, held_out=held_out, say=quiet)
    assert trained.held_out < trained.held_out_before

    served = trained.load(max_new_tokens=4)
    model, words = served._decoder.model, served._processor
    losses = [loss_of(model, words, trained, cell) for cell in CELLS]
    assert losses[0][1] == pytest.approx(trained.held_out, abs=1e-5)  # reloads as it was
    expected = torch.tensor([-total for total, _ in losses]).softmax(0)
    seen = served.look([Image.fromarray(held_out[0].image)])
    scores = served.score(seen, QUESTION, list(CELLS))[0]
    assert np.allclose(scores, expected.numpy(), atol=1e-5)


def loss_of(model, words, trained: Trained, answer: str) -> tuple[float, float]:
    """Of one answer, by the training's own batch: of all of its tokens, and a token."""
    row = pictured(3)[0]
    row = type(row)(**{**vars(row), "suffix": answer})
    soft = Path(trained.adapter or "", "soft_prompt.json")
    tokens = json.loads(soft.read_text())["tokens"] if trained.adapter and soft.exists() else []
    make = Collator(
        words, Pictures(words, 0), isolated=has_isolated_images(model.config),
        soft_prompt=tuple(words.tokenizer.convert_tokens_to_ids(tokens)),
    )  # fmt: skip
    batch = make([(row,)])
    with torch.inference_mode():
        total = Answers(model)(batch).item()
    return total, total / batch.answers


@pytest.mark.parametrize(
    ("values", "moved"),
    [
        ({"method": "full"}, lambda name: "vision_tower" not in name),
        (METHODS[0], lambda name: True),
        (METHODS[1], lambda name: "language_model.layers" in name and "proj" in name),
        (
            {"method": "lora", "freeze_vision": False},
            lambda name: "layers" in name and ("proj" in name or "fc" in name) and "weight" in name,
        ),
        (METHODS[2], lambda name: "embed_tokens" in name),
    ],
    ids=["full, vision frozen", "full", "lora", "lora, vision too", "soft prompt"],
)
def test_only_what_is_asked_for_moves(first, tmp_path, values, moved):
    trained = train(recipe(first, **values), tmp_path, rows=rows(4), say=quiet)
    before, after = load_paligemma(str(first)), trained.load()
    new = dict(after._decoder.model.named_parameters())
    for name, old in before._decoder.model.named_parameters():
        assert torch.equal(old, new[name]) != moved(name), name


def test_a_soft_prompt_moves_only_its_tokens(first, tmp_path):
    trained = train(recipe(first, **METHODS[2]), tmp_path, rows=rows(4), say=quiet)
    served = trained.load()
    tokens = json.loads(Path(trained.adapter, "soft_prompt.json").read_text())["tokens"]
    ids = served._tokenizer.convert_tokens_to_ids(tokens)
    old = load_paligemma(str(first))._decoder.model.get_input_embeddings().weight
    new = served._decoder.model.get_input_embeddings().weight
    assert sorted((old != new).any(1).nonzero()[:, 0].tolist()) == sorted(ids)
    assert trained.trainable == 3 * tiny.WIDTH


def test_lora_teaches_new_words_beside_its_layers(first, tmp_path):
    lora = {"rank": 2, "words": ["blue cell"]}
    trained = train(recipe(first, lora=lora), tmp_path, rows=rows(4), say=quiet)
    served = trained.load()
    ids = served._tokenizer("blue cell", add_special_tokens=False).input_ids
    old, new = (m._decoder.model for m in (load_paligemma(str(first)), served))
    for name in ("get_input_embeddings", "get_output_embeddings"):  # tied, and stays so
        before, after = getattr(old, name)().weight, getattr(new, name)().weight
        assert (before != after).any(1).nonzero()[:, 0].tolist() == sorted(set(ids))
    assert trained.trainable > len(set(ids)) * tiny.WIDTH


def test_an_adapter_pins_its_base_and_tells_of_its_run(first, tmp_path):
    trained = train(recipe(first), tmp_path, rows=rows(4), say=quiet)
    pin = json.loads(Path(trained.adapter, "base.json").read_text())
    assert pin["model"] == str(first)
    assert len(pin["sha256"]["model.safetensors"]) == 64
    config = json.loads(Path(trained.adapter, "adapter_config.json").read_text())
    assert config["base_model_name_or_path"] == str(first)
    assert json.loads((tmp_path / "run.json").read_text())["steps"] == 4
    assert (tmp_path / "curve.svg").read_text().startswith("<svg")


KILLED = textwrap.dedent("""
    import os, signal, sys
    from pathlib import Path
    from finetune.training import train
    from tests.training_rows import recipe, rows

    def die(line):
        if line.startswith("step 6 "):
            os.kill(os.getpid(), signal.SIGKILL)

    told = recipe(Path(sys.argv[1]), max_steps=8, lora={"rank": 4, "dropout": 0.2}, save_every=2)
    train(told, Path(sys.argv[2]), rows=rows(7), held_out=rows(2), say=die)
""")


def test_a_killed_run_goes_on_to_the_loss_of_an_unbroken_one(first, tmp_path):
    environment = os.environ | {"PYTHONPATH": str(REPOSITORY)}
    command = [sys.executable, "-c", KILLED, str(first), str(tmp_path / "killed")]
    killed = subprocess.run(command, cwd=REPOSITORY, env=environment, capture_output=True)
    assert killed.returncode == -signal.SIGKILL, killed.stderr.decode()

    told = recipe(first, max_steps=8, lora={"rank": 4, "dropout": 0.2}, save_every=2)
    options = {"rows": rows(7), "held_out": rows(2), "say": quiet}
    resumed = train(told, tmp_path / "killed", resume=True, **options)
    whole = train(told, tmp_path / "whole", **options)
    assert resumed.loss == pytest.approx(whole.loss, abs=1e-6)
    assert resumed.held_out == pytest.approx(whole.held_out, abs=1e-6)
    assert (resumed.steps, resumed.images) == (whole.steps, whole.images) == (8, 16)
    curves = [(tmp_path / name / "curve.csv").read_text() for name in ("killed", "whole")]
    steps = [[line.partition(",")[0] for line in curve.splitlines()] for curve in curves]
    assert steps[0] == steps[1] == ["step", "0", "2", "4", "6", "8"]


def test_a_stop_saves_and_resumes(first, tmp_path):
    def stop(line: str) -> None:
        if line.startswith("step 2 "):
            os.kill(os.getpid(), signal.SIGINT)

    with pytest.raises(Cancelled, match=r"stopped at step 2; .* go on with --resume"):
        train(recipe(first), tmp_path, rows=rows(4), say=stop)
    assert train(recipe(first), tmp_path, rows=rows(4), resume=True, say=quiet).steps == 4


def test_a_held_out_loss_that_gets_no_better_ends_the_run_and_the_best_is_kept(first, tmp_path):
    told = recipe(first, max_steps=50, eval_every=1, patience=2, learning_rate=3.0, method="full")
    trained = train(told, tmp_path, rows=rows(4), held_out=rows(2), say=quiet)
    assert trained.ended_by == "no better held-out loss"
    assert trained.steps == trained.best_step + 2
    assert trained.held_out <= trained.held_out_before


def test_gradient_checkpointing_and_bfloat16_train_too(first, tmp_path):
    values = {"gradient_checkpointing": True, "bf16": True, "dtype": "bfloat16"}
    trained = train(recipe(first, **values), tmp_path, rows=rows(4), held_out=rows(2), say=quiet)
    assert trained.held_out < trained.held_out_before


def test_checkpointing_changes_nothing(first, tmp_path):
    losses = [
        train(
            recipe(first, gradient_checkpointing=on), tmp_path / str(on), rows=rows(4), say=quiet
        ).loss
        for on in (False, True)
    ]
    assert losses[0] == pytest.approx(losses[1], abs=1e-6)


def test_accumulated_batches_learn_what_one_large_batch_learns(first, tmp_path):
    losses = [
        train(
            recipe(first, batch_size=size, accumulation=4 // size), tmp_path / str(size),
            rows=rows(8), held_out=rows(2), say=quiet,
        ).held_out
        for size in (4, 1)
    ]  # fmt: skip
    assert losses[0] == pytest.approx(losses[1], abs=1e-5)


@pytest.mark.parametrize(
    ("first_run", "second", "said"),
    [
        (None, {"resume": True}, "nothing to resume"),
        ({}, {}, "add --resume to go on"),
        ({}, {"resume": True, "learning_rate": 0.5}, "learning_rate changed"),
    ],
)
def test_a_run_that_does_not_fit_its_folder_is_refused(first, tmp_path, first_run, second, said):
    if first_run is not None:
        train(recipe(first, **first_run), tmp_path, rows=rows(4), say=quiet)
    resume = second.pop("resume", False)
    with pytest.raises(BadInputError, match=said):
        train(recipe(first, **second), tmp_path, rows=rows(4), resume=resume, say=quiet)


@pytest.mark.parametrize(
    ("values", "said"),
    [
        ({"lora": {"targets": ".*nothing"}}, r"lora\.targets: '\.\*nothing'"),
        ({"method": "soft_prompt", "soft_prompt": {"length": 500}}, "has 128 reserved tokens"),
    ],
)
def test_what_the_model_does_not_have_is_an_error(first, tmp_path, values, said):
    with pytest.raises(BadInputError, match=said):
        train(recipe(first, **values), tmp_path, rows=rows(4), say=quiet)


@pytest.mark.skipif(torch.cuda.is_available(), reason="QLoRA runs here")
def test_qlora_says_that_it_needs_a_gpu(first, tmp_path):
    with pytest.raises(BadInputError, match=r"needs a CUDA GPU.*use method: lora"):
        train(recipe(first, method="qlora"), tmp_path, rows=rows(4), say=quiet)


TWO = textwrap.dedent("""
    import sys
    from pathlib import Path
    from finetune.training import train
    from tests.training_rows import recipe, rows

    told = recipe(Path(sys.argv[1]), batch_size=2)
    train(told, Path(sys.argv[2]), rows=rows(8), held_out=rows(3), say=print)
""")


@pytest.mark.slow
def test_two_devices_learn_what_one_learns_from_the_same_rows(first, tmp_path):
    (tmp_path / "two.py").write_text(TWO)
    launch = ["-m", "torch.distributed.run", "--standalone", "--nproc_per_node", "2"]
    command = [sys.executable, *launch, "two.py", str(first), str(tmp_path / "two")]
    environment = os.environ | {"PYTHONPATH": str(REPOSITORY)}
    ran = subprocess.run(command, cwd=tmp_path, env=environment, capture_output=True)
    assert ran.returncode == 0, ran.stderr.decode()
    two = json.loads((tmp_path / "two" / "run.json").read_text())
    one = train(
        recipe(first, batch_size=2, accumulation=2), tmp_path / "one", rows=rows(8),
        held_out=rows(3), say=quiet,
    )  # fmt: skip
    assert two["devices"] == 2
    assert two["images"] == one.images
    assert two["held_out"] == pytest.approx(one.held_out, abs=1e-5)
