import json
import os
from pathlib import Path

import numpy as np
import pytest
import torch
from click.testing import CliRunner
from PIL import Image
from transformers import PaliGemmaForConditionalGeneration

from finetune.answers import Answers
from finetune.collate import Collator
from finetune.commands.finetune import finetune
from finetune.estimate import estimate, graph_of
from finetune.gemma_vocabulary import gemma_tokenizer, merges, pieces
from finetune.mask_table import mask_of, mask_table
from finetune.methods import prepare
from finetune.pictures import Pictures
from finetune.rows import items
from finetune.shapes import known_shape
from tests import tiny_paligemma as tiny
from tests.training_rows import recipe, rows, text_alone
from tools.errors import BadInputError, ModelUnavailableError

RECIPES = Path(__file__).parents[2] / "finetune" / "recipes"
GEMMA = os.environ.get("CYTOSCRIBE_TEST_GEMMA_TOKENIZER", "")


@pytest.fixture
def jsonl(tmp_path) -> Path:
    root = tmp_path / "rows"
    root.mkdir()
    told = []
    for number in range(6):
        pixels = np.random.default_rng(number).integers(0, 255, (40, 40, 3), dtype=np.uint8)
        Image.fromarray(pixels).save(root / f"{number}.png")
        told += [
            {"image": f"{number}.png", "prefix": "describe en", "suffix": "a white blood cell"},
            {"image": f"{number}.png", "prefix": "answer en which cell", "suffix": "neutrophil"},
        ]
    (root / "train.jsonl").write_text("\n".join(map(json.dumps, told)))
    return root


def run(config: Path, root: Path, *more: str):
    data = ("--set", f"data.0.root={root}", "--set", "data.0.format=jsonl",
            "--set", "data.0.limit=null")  # fmt: skip
    return CliRunner().invoke(finetune, ["--config", str(config), *data, *more])


def test_the_recipe_for_3b_is_tried_on_a_model_of_its_exact_shape_and_fits_24_gb(jsonl):
    tried = run(RECIPES / "paligemma2-3b-lora.yaml", jsonl, "--dry-run")
    assert tried.exit_code == 0, tried.output
    said = tried.output
    assert "its weights are NOT on this machine" in said
    assert "tokenizer: NOT Gemma's" in said
    # 3,032,242,416 of the 224-pixel checkpoint, the positions of 1,024 - 256 patches, and LoRA's
    assert f"20,766,720 of {3_032_242_416 + 768 * 1152 + 20_766_720:,} parameters" in said
    assert "<image>×1024 <bos>" in said
    assert "⏎[neutrophil<eos>]" in said
    total = float(said.partition("memory: ")[2].partition(" = ")[2].split()[0])
    assert 6 < total < 0.85 * 24


@pytest.mark.parametrize(
    ("model", "parameters"),
    [
        ("google/paligemma-3b-pt-224", 2_923_466_480),  # as the checkpoints' pages say
        ("google/paligemma2-3b-pt-224", 3_032_242_416),
    ],
)
def test_a_known_shape_has_the_parameters_of_the_checkpoint(model, parameters):
    with torch.device("meta"):
        built = PaliGemmaForConditionalGeneration(known_shape(model))
    assert sum(p.numel() for p in built.parameters()) == parameters


@pytest.mark.parametrize(
    "model", ["google/gemma-2b", "someone/else", "google/paligemma-10b-pt-224"]
)
def test_other_models_have_no_known_shape(model):
    assert known_shape(model) is None


def test_what_is_neither_here_nor_known_is_named(jsonl):
    tried = run(RECIPES / "lite-cpu.yaml", jsonl, "--set", "model=someone/else", "--dry-run")
    assert isinstance(tried.exception, ModelUnavailableError)
    assert "someone/else is not on this machine" in str(tried.exception)


def test_a_dry_run_on_real_weights_tells_the_loss_and_trains_nothing(jsonl, tmp_path):
    config = tmp_path / "recipe.yaml"
    base = tiny.save(tmp_path / "base", 2)
    config.write_text(
        f"model: {base}\nepochs: 3\nbatch_size: 2\ndata: [{{format: jsonl, root: x}}]"
    )
    tried = run(config, jsonl, "--dry-run")
    assert tried.exit_code == 0, tried.output
    assert "its own weights" in tried.output
    assert "loss: " in tried.output
    assert "steps: 3 epochs = " in tried.output
    assert sorted(p.name for p in tmp_path.iterdir()) == ["base", "recipe.yaml", "rows"]


def test_the_command_trains_and_prints_one_json_object(jsonl, tmp_path):
    config = tmp_path / "recipe.yaml"
    base = tiny.save(tmp_path / "base")
    config.write_text(f"model: {base}\nmax_steps: 2\ndata: [{{format: jsonl, root: x}}]")
    trained = run(config, jsonl, "--out", str(tmp_path / "out"), "--json")
    assert trained.exit_code == 0, trained.output
    told = json.loads(trained.stdout)
    assert told["steps"] == 2
    assert Path(told["adapter"], "adapter_model.safetensors").exists()
    again = run(config, jsonl, "--out", str(tmp_path / "out"))
    assert isinstance(again.exception, BadInputError)


def test_a_run_wants_a_folder(jsonl):
    assert run(RECIPES / "lite-cpu.yaml", jsonl).exit_code == 2


def batch_for(words, isolated: bool):
    make = Collator(words, Pictures(words, 10**7), isolated=isolated)
    return make([*items(rows(2)), (text_alone(1),)])


@pytest.mark.parametrize("method", ["full", "lora", "soft_prompt"])
def test_the_memory_told_is_what_the_graph_keeps(method):
    words = tiny.processor()
    told = recipe(Path("base"), method=method)
    trainable = prepare(tiny.model(2, words), words, told)
    batch = batch_for(words, isolated=False)
    model = Answers(trainable.model).train()
    with graph_of(model) as graph:
        model(batch)
    memory = estimate(trainable, batch, told)
    assert memory.activations == graph.total
    assert memory.optimiser == 2 * memory.gradients


def test_checkpointing_keeps_less():
    words = tiny.processor()
    kept = [
        estimate(
            prepare(tiny.model(2, words), words, told), batch_for(words, isolated=False), told
        ).activations
        for told in (recipe(Path("b")), recipe(Path("b"), gradient_checkpointing=True))
    ]
    assert kept[1] < kept[0]


@pytest.mark.parametrize("generation", [1, 2])
def test_the_mask_told_is_the_one_the_model_is_given(generation):
    words = tiny.processor()
    model, batch = tiny.model(generation, words), batch_for(words, isolated=False)
    given = []
    layer = model.model.language_model.layers[-1]
    layer.register_forward_pre_hook(
        lambda _, args, kwargs: given.append(kwargs["attention_mask"]), with_kwargs=True
    )
    Answers(model)(batch)
    mask = given[0][:, 0]
    seen = mask if mask.dtype == torch.bool else mask == 0
    real = batch.real.bool()
    told = mask_of(model.config, batch)
    if generation == 1:  # the second's last layer has a sliding window besides
        assert torch.equal(seen & real[..., None], told & real[..., None])
    table = mask_table(model.config, batch).splitlines()
    assert table[1].split() == ["image", "all", "all", "nothing"]
    assert table[3].split() == ["answer", "all", "all", "its", "past"]


def test_the_mask_of_isolated_images_hides_the_prompt_from_the_image():
    words = tiny.processor()
    model = tiny.model(1, words, image_prefix="isolated")
    table = mask_table(model.config, batch_for(words, isolated=True)).splitlines()
    assert table[1].split() == ["image", "all", "nothing", "nothing"]
    assert table[2].split() == ["prompt", "all", "its", "past", "nothing"]


def test_merges_come_in_the_order_of_their_pieces():
    vocabulary = {"a": 0, "b": 1, "ab": 2, "aba": 3}
    assert merges(vocabulary) == [("a", "b"), ("ab", "a")]


def test_pieces_are_read_from_the_protocol_buffer():
    piece = b"\x0a\x03<s>" + b"\x15\x00\x00\x00\x00" + b"\x18\x03"
    model = b"\x0a" + bytes([len(piece)]) + piece + b"\x12\x02\x08\x01"
    assert list(pieces(model)) == [("<s>", 3)]


def test_what_is_no_vocabulary_is_named(tmp_path):
    (tmp_path / "tokenizer.model").write_bytes(b"\x12\x00")
    with pytest.raises(BadInputError, match=r"tokenizer\.model is no SentencePiece model"):
        gemma_tokenizer(tmp_path / "tokenizer.model")


@pytest.mark.slow
@pytest.mark.skipif(not GEMMA, reason="CYTOSCRIBE_TEST_GEMMA_TOKENIZER names no tokenizer.model")
def test_gemmas_tokens_are_those_of_paligemma(jsonl):
    words = gemma_tokenizer(Path(GEMMA))
    named = words.convert_tokens_to_ids(["<loc0000>", "<loc1023>", "<seg000>", "<image>"])
    assert named == [256000, 257023, 257024, 257152]
    assert words("caption en\n", add_special_tokens=False).input_ids == [21209, 659, 108]
    tried = run(RECIPES / "paligemma2-3b-lora.yaml", jsonl, "--dry-run", "--tokenizer", GEMMA)
    assert "tokenizer: Gemma's" in tried.output
    assert "⏎[neutrophil<eos>]" in tried.output
