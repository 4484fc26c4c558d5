import dataclasses
import random

import numpy as np
import pytest
import torch
from PIL import Image

from agent.loading import Checkpoint, load_processor
from finetune.answers import Answers
from finetune.collate import IGNORED, Collator, collator_of
from finetune.encoding import Encoder, suffix_text
from finetune.pictures import Pictures
from finetune.rows import items
from tests import tiny_paligemma as tiny
from tests.training_rows import pictured, recipe, rows, text_alone
from tools.errors import BadImageError, BadInputError

LIMIT = 10**7


@pytest.fixture(scope="module")
def words():
    return tiny.processor()


def collator(words, isolated=False, **options) -> Collator:
    return Collator(words, Pictures(words, LIMIT), isolated=isolated, **options)


def one_each(number):
    return [(pictured(i)[i % 2],) for i in range(number)]


def test_tokens_types_and_labels_are_those_of_the_processor(words):
    words.tokenizer.padding_side = "right"
    chosen = one_each(4)
    theirs = words(
        images=[Image.fromarray(item[0].image) for item in chosen],
        text=["<image>" + item[0].prefix for item in chosen],
        suffix=[item[0].suffix for item in chosen],
        return_tensors="pt", padding=True, input_data_format="channels_last",
    )  # fmt: skip
    words.tokenizer.padding_side = "left"
    ours, real = collator(words)(chosen), theirs["attention_mask"]
    assert torch.equal(ours.ids, theirs["input_ids"])
    assert torch.equal(ours.real, real)
    assert torch.equal(ours.token_types * real, theirs["token_type_ids"] * real)
    assert torch.equal(ours.labels[real.bool()], theirs["labels"][real.bool()])
    assert (ours.labels[~real.bool()] == IGNORED).all()
    assert torch.allclose(ours.pixels, theirs["pixel_values"], atol=1e-6)


@pytest.mark.parametrize("generation", [1, 2])
def test_the_loss_is_that_of_the_library(words, generation):
    model = tiny.model(generation, words)
    batch = collator(words)([*one_each(3)])
    theirs = model(
        input_ids=batch.ids, attention_mask=batch.real, token_type_ids=batch.token_types,
        pixel_values=batch.pixels, labels=batch.labels,
    ).loss  # fmt: skip
    ours = Answers(model)(batch).item() / batch.answers
    assert ours == pytest.approx(theirs.item(), abs=1e-5)


@pytest.mark.parametrize("isolated", [False, True])
def test_rows_together_lose_what_they_lose_alone(words, isolated):
    model = tiny.model(1, words, image_prefix="isolated" if isolated else None)
    together = [*items(rows(3)), (text_alone(1),)]
    make = collator(words, isolated)
    whole = Answers(model)(make(together))
    alone = sum(Answers(model)(make([(row,)])) for item in together for row in item)
    assert whole.item() == pytest.approx(alone.item(), rel=1e-5)


def test_packed_rows_lose_what_they_lose_behind_copies_of_the_image(words):
    model = tiny.model(1, words, image_prefix="isolated")
    packed = collator(words, isolated=True)(list(items(rows(2))))
    copies = collator(words, isolated=True, packed=False)(list(items(rows(2))))
    assert (len(packed.ids), len(copies.ids)) == (2, 4)
    losses = [Answers(model)(batch).item() for batch in (packed, copies)]
    assert losses[0] == pytest.approx(losses[1], rel=1e-5)


def test_the_eager_attention_reads_the_packed_mask_as_sdpa_does(words):
    model = tiny.model(1, words, image_prefix="isolated")
    batch = collator(words, isolated=True)(list(items(rows(2))))
    fast = Answers(model)(batch).item()
    model.set_attn_implementation("eager")
    assert Answers(model)(batch).item() == pytest.approx(fast, rel=1e-5)


def test_a_text_alone_has_no_image_tokens(words):
    batch = collator(words)([(text_alone(1),)])
    assert batch.pixels is None
    assert not (batch.ids == words.image_token_id).any()
    learned = batch.labels[batch.labels != IGNORED]
    assert words.tokenizer.decode(learned) == "few<eos>"


def test_the_vision_tower_runs_once_an_image(words):
    batch = collator(words)(list(items(rows(2))))
    assert (len(batch.ids), len(batch.pixels), batch.shown.tolist()) == (4, 2, [0, 0, 1, 1])


def test_a_soft_prompt_stands_behind_the_start(words):
    ids = collator(words, soft_prompt=(11, 12))([(text_alone(1),)]).ids[0].tolist()
    assert ids[:3] == [words.tokenizer.bos_token_id, 11, 12]


def test_a_row_that_is_too_long_keeps_its_newline_and_its_answer(words):
    long = dataclasses.replace(text_alone(1), prefix="answer en " + "platelets " * 40)
    encoded = Encoder(words, longest=20)(long)
    assert encoded.cut
    assert len(encoded.prefix) + len(encoded.suffix) == 20
    assert words.tokenizer.decode(encoded.prefix).endswith("\n")
    assert words.tokenizer.decode(encoded.suffix) == "few<eos>"


def test_control_tokens_in_an_answer_are_letters_and_boxes_are_kept():
    told = suffix_text("<loc0001><loc0002> cell <eos> <image> <seg001>")
    assert told == "<loc0001><loc0002> cell < eos> < image> <seg001>"


def test_an_image_is_opened_once_while_there_is_room(words, tmp_path):
    path = tmp_path / "a.png"
    Image.new("RGB", (20, 20), (200, 10, 10)).save(path)
    roomy, full = Pictures(words, LIMIT), Pictures(words, 0)
    first = roomy.pixels(path)
    assert np.array_equal(full.pixels(path), first)
    path.unlink()
    assert roomy.pixels(path) is first
    with pytest.raises(BadImageError, match=r"a\.png"):
        full.pixels(path)


def test_mirrored_images_depend_on_the_generator_and_boxes_stay(words):
    make = collator(words, flips=True)
    item = tuple(pictured(3))
    boxed = (dataclasses.replace(item[0], suffix="<loc0001> cell"),)
    pixels = [make([item], random.Random(seed)).pixels for seed in (*range(6), 1)]
    assert len({p.numpy().tobytes() for p in pixels}) > 1
    assert torch.equal(pixels[1], pixels[-1])
    still = [make([boxed], random.Random(seed)).pixels for seed in range(6)]
    assert all(torch.equal(still[0], one) for one in still)


def test_rows_are_not_packed_where_the_image_sees_the_prompt(words, tmp_path):
    with pytest.raises(BadInputError, match="packed: True"):
        collator_of(recipe(tmp_path, packed=True), words, isolated=False)


def test_the_shipped_checkpoint_packs_its_rows():
    lite = load_processor(Checkpoint(tiny.Path("agent/checkpoints/lite"), "lite"))
    batch = collator(lite, isolated=True)(list(items(rows(2))))
    assert len(batch.ids) == 2
    assert int((batch.segments == 0).sum()) == 2 * lite.image_seq_length


def test_a_frozen_tower_runs_once_an_image_and_the_loss_stays(words):
    model = tiny.model(1, words)
    model.model.vision_tower.requires_grad_(False)
    runs = []
    model.model.vision_tower.register_forward_hook(lambda *_: runs.append(1))
    kept, plain = Answers(model, towers=LIMIT), Answers(model)
    batch = collator(words)(list(items(rows(2))))
    losses = [kept(batch).item() for _ in range(3)]
    assert len(runs) == 2
    assert losses == pytest.approx([plain(batch).item()] * 3, rel=1e-5)


def test_a_trained_tower_is_never_kept(words):
    model = tiny.model(1, words)
    kept, batch = Answers(model, towers=LIMIT), collator(words)(list(items(rows(1))))
    kept(batch).backward()
    assert model.model.vision_tower.embeddings.patch_embedding.weight.grad is not None
