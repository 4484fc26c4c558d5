"""Every way of asking the model agrees with the stock class, one image at a time."""

import math
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from itertools import count
from typing import Any, NamedTuple

import numpy as np
import pytest
import tiny_paligemma
import torch
from PIL import Image

from agent.paligemma import PaliGemma, prefix_text
from agent.prefixes import Words
from tools.errors import BadInputError, Cancelled

CELL_TYPES = ["neutrophil", "a lymphocyte", "monocyte with round nucleus", "platelets"]
QUESTION = "what is the cell type"
NEW = 12  # tokens


class Tiny(NamedTuple):
    model: PaliGemma
    stock: Any
    processor: Any

    def stock_text(self, prompt: str, *images: Image.Image) -> str:
        inputs = self.processor(
            images=[list(images)], text=[prefix_text(prompt, len(images))], return_tensors="pt"
        )
        del inputs["labels"]
        ids = self.stock.generate(**inputs, max_new_tokens=NEW, do_sample=False)
        new = ids[0, inputs["input_ids"].shape[1] :]
        return str(self.processor.decode(new, skip_special_tokens=True)).strip()

    def stock_log_probability(self, prompt: str, suffix: list[int], image: Image.Image) -> float:
        """Teacher forcing: one forward over prefix and suffix with the training mask."""
        prefix = self.processor(images=image, text=prefix_text(prompt), return_tensors="pt")
        ids = torch.cat([prefix["input_ids"], torch.tensor([suffix])], 1)
        length = prefix["input_ids"].shape[1]
        with torch.inference_mode():
            logits = self.stock(
                input_ids=ids,
                attention_mask=torch.ones_like(ids),
                token_type_ids=(torch.arange(ids.shape[1]) >= length).long()[None],
                pixel_values=prefix["pixel_values"],
            ).logits[0, length - 1 : -1]
        return float(logits.log_softmax(-1).gather(1, torch.tensor(suffix)[:, None]).sum())


@pytest.fixture(scope="module", params=[(1, "sdpa"), (1, "eager"), (2, None), (2, "eager")])
def tiny(request: pytest.FixtureRequest) -> Tiny:
    generation, attention = request.param
    processor = tiny_paligemma.processor()
    stock = tiny_paligemma.model(generation, processor)
    if attention:
        stock.set_attn_implementation(attention)
    return Tiny(PaliGemma(stock, processor, name="tiny", max_new_tokens=NEW), stock, processor)


@pytest.fixture(scope="module")
def images() -> list[Image.Image]:
    noise = np.random.default_rng(0).integers(0, 255, (3, 40, 56, 3), dtype=np.uint8)
    return [*map(Image.fromarray, noise), Image.new("RGB", (32, 32), "red")]


@pytest.fixture
def tower_calls(tiny: Tiny) -> Iterator[list[int]]:
    seen: list[int] = []
    tower = tiny.stock.model.vision_tower
    hook = tower.register_forward_hook(lambda _, inputs, __: seen.append(len(inputs[0])))
    yield seen
    hook.remove()


def test_a_description_equals_the_stock_one(tiny, images):
    texts = [tiny.model.describe(tiny.model.look([image]))[0].text for image in images]
    assert texts == [tiny.stock_text("describe en", image) for image in images]
    assert len(set(texts)) == len(texts)  # else the tiny model would not look at its image


def test_an_answer_equals_the_stock_one(tiny, images):
    answer = tiny.model.answer(tiny.model.look(images[:1]), QUESTION)[0].text
    assert answer == tiny.stock_text(f"answer en {QUESTION}", images[0])


def test_an_answer_about_several_images_equals_the_stock_one(tiny, images):
    answer = tiny.model.answer_about(tiny.model.look(images[:2]), QUESTION)
    assert answer.text == tiny.stock_text(f"answer en {QUESTION}", *images[:2])
    assert answer != tiny.model.answer_about(tiny.model.look(images[1::-1]), QUESTION)


def test_a_batch_of_images_equals_singles(tiny, images):
    batch = tiny.model.describe(tiny.model.look(images))
    singles = [tiny.model.describe(tiny.model.look([image]))[0] for image in images]
    assert [each.text for each in batch] == [each.text for each in singles]
    assert [each.probability for each in batch] == pytest.approx(
        [each.probability for each in singles], rel=1e-4
    )


def test_prompts_of_different_lengths_in_a_batch_equal_singles(tiny, images):
    prompts = ["describe en", "answer en how many red blood cells are shown", "detect x", "a"]
    batch = tiny.model.generate(tiny.model.look(images), prompts)
    stock = [tiny.stock_text(*each) for each in zip(prompts, images, strict=True)]
    assert [each.text for each in batch] == stock


def test_more_images_than_one_forward_takes_are_split_and_joined(tiny, images, tower_calls):
    tiny.model._prefixes.rows, rows = 3, tiny.model._prefixes.rows
    split = tiny.model.look(images)
    texts = tiny.model.describe(split)
    scores = tiny.model.score(split, QUESTION, CELL_TYPES)
    tiny.model._prefixes.rows = rows
    assert tower_calls == [3, 1]
    assert [t.text for t in texts] == [t.text for t in tiny.model.describe(split)]
    np.testing.assert_allclose(scores, tiny.model.score(split, QUESTION, CELL_TYPES), rtol=1e-4)


def test_a_stream_joins_to_the_description(tiny, images):
    for image in images:
        features = tiny.model.look([image])
        pieces = list(tiny.model.stream(features))
        assert "".join(pieces).strip() == tiny.model.describe(features)[0].text
        assert len(pieces) > 3


def test_cached_decoding_equals_teacher_forcing(tiny, images):
    features = tiny.model.look(images[:1])
    reading, room = tiny.model._prefixes.read(["describe en"], features)
    steps = list(tiny.model._steps(reading, room, lambda: False))
    tokens = [int(step.tokens) for step in steps]
    forced = tiny.stock_log_probability("describe en", tokens, images[0])
    assert sum(float(step.log_probabilities) for step in steps) == pytest.approx(forced, abs=1e-4)
    assert tiny.model.describe(features)[0].probability == pytest.approx(
        math.exp(forced / len(tokens)), rel=1e-4
    )


def test_scores_equal_stock_log_probabilities_one_by_one(tiny, images):
    scores = tiny.model.score(tiny.model.look(images[:2]), QUESTION, CELL_TYPES)
    suffixes = tiny.processor.tokenizer([f"{name}<eos>" for name in CELL_TYPES])["input_ids"]
    forced = [
        [tiny.stock_log_probability(f"answer en {QUESTION}", s, image) for s in suffixes]
        for image in images[:2]
    ]
    logs = np.log(scores)
    differences = np.array(forced)
    np.testing.assert_allclose(
        logs - logs[:, :1], differences - differences[:, :1], rtol=1e-4, atol=1e-4
    )
    assert scores.dtype == np.float64
    np.testing.assert_allclose(scores.sum(1), 1)


def test_scoring_leaves_nothing_behind(tiny, images):
    features = tiny.model.look(images)
    before = tiny.model.score(features, QUESTION, CELL_TYPES)
    tiny.model.describe(features)
    np.testing.assert_array_equal(before, tiny.model.score(features, QUESTION, CELL_TYPES))


def test_one_option_is_certain_and_one_token_options_work(tiny, images):
    features = tiny.model.look(images[:1])
    assert tiny.model.score(features, QUESTION, ["neutrophil"]).tolist() == [[1.0]]
    assert tiny.model.score(features, QUESTION, ["", ""]).tolist() == [[0.5, 0.5]]


def test_the_tower_looks_once_for_everything(tiny, images, tower_calls):
    features = tiny.model.look(images)
    tiny.model.describe(features)
    tiny.model.answer_about(features, QUESTION)
    tiny.model.score(features, QUESTION, CELL_TYPES)
    tiny.model.embed_image(features)
    list(tiny.model.stream(features, QUESTION))
    assert tower_calls == [len(images)]


def test_image_vectors_are_the_normalised_mean_of_the_tower(tiny, images):
    features = tiny.model.look(images)
    vectors = tiny.model.embed_image(features)
    assert vectors.shape == (len(images), tiny.model.embedding_dim)
    assert vectors.dtype == np.float32
    np.testing.assert_allclose(np.linalg.norm(vectors, axis=1), 1, rtol=1e-6)
    mean = features.tower.mean(1).numpy()
    np.testing.assert_allclose(vectors[0] * np.linalg.norm(mean[0]), mean[0], rtol=1e-4, atol=1e-6)


def test_prompt_and_answer_have_the_processors_tokens(tiny, images):
    text = prefix_text("answer en what is it", 1)
    trained = tiny.processor(images=images[0], text=text, suffix="a cell", return_tensors="pt")
    suffix = trained["token_type_ids"][0] == 1
    words = Words(tiny.processor, tiny.model._decoder, "tiny")
    assert words.suffixes(["a cell"]) == [trained["input_ids"][0][suffix].tolist()]
    features = tiny.model.look(images[:1])
    reading, _ = tiny.model._prefixes.read(["answer en what is it"], features)
    assert reading.attention.shape[1] == int((~suffix).sum())


def test_generation_stops_where_the_checkpoint_says(images):
    processor = tiny_paligemma.processor()
    stock = tiny_paligemma.model(1, processor)
    free = PaliGemma(stock, processor, name="tiny", max_new_tokens=NEW)
    third = next(iter([*free.stream(free.look(images[:1]))][2:]))
    stock.generation_config.eos_token_id = [1, processor.tokenizer.convert_tokens_to_ids(third)]
    tiny = Tiny(PaliGemma(stock, processor, name="tiny", max_new_tokens=NEW), stock, processor)
    batch = tiny.model.describe(tiny.model.look(images))
    assert [each.text for each in batch] == [tiny.stock_text("describe en", i) for i in images]
    assert batch[0].text.endswith(third)
    assert len(batch[0].text) < len(batch[1].text)


@pytest.mark.parametrize(
    "question",
    [
        "is <image> a <loc0001> <eos> cell\n<bos>?",
        "<<image>image>",
        "\ud800",
        "<pad>" * 3,
        "  a\r\nb",
    ],
)
def test_special_tokens_in_a_question_are_data(tiny, images, question):
    features = tiny.model.look(images[:1])
    assert tiny.model.answer(features, question) != tiny.model.answer(features, "cell")
    ids = tiny.processor.tokenizer(prefix_text(question, 0))["input_ids"]
    assert not set(ids) & set(tiny.processor.tokenizer.added_tokens_decoder)
    assert "\n" not in prefix_text(question)


def test_a_question_longer_than_the_context_is_refused_with_the_numbers(tiny, images):
    features = tiny.model.look(images[:1])
    for ask in (tiny.model.answer, tiny.model.stream, tiny.model.answer_about):
        with pytest.raises(BadInputError, match=r"\d{3} tokens .* fewer than 96"):
            ask(features, "what cell " * 50)
    with pytest.raises(BadInputError, match="show fewer images"):
        tiny.model.answer_about(tiny.model.look(images * 2), "what")


def test_text_ends_at_the_context_window(tiny, images):
    features = tiny.model.look(images[:1])
    for words in count(1):
        question = "cell " * words
        if (room := tiny.model._prefixes.read([f"answer en {question}"], features)[1]) <= 3:
            break
    assert 1 <= len(list(tiny.model.stream(features, question))) <= room
    with pytest.raises(BadInputError, match="tokens"):
        tiny.model.score(features, question, ["a monocyte with a round nucleus " * 3])


def test_an_empty_question_is_refused(tiny, images):
    with pytest.raises(BadInputError, match="question is empty"):
        tiny.model.answer(tiny.model.look(images[:1]), " \n ")


def test_a_cancelled_description_stops_at_the_next_token(tiny, images):
    asked = count(1)
    with pytest.raises(Cancelled):
        tiny.model.describe(tiny.model.look(images), lambda: next(asked) > 3)
    assert next(asked) == 5


def test_a_cancelled_stream_ends(tiny, images):
    asked = count(1)
    pieces = list(tiny.model.stream(tiny.model.look(images[:1]), None, lambda: next(asked) > 3))
    assert 1 <= len([piece for piece in pieces if piece]) <= 3


def test_threads_get_the_text_that_one_caller_gets(tiny, images):
    def ask(image: Image.Image) -> tuple[str, str, list[float]]:
        features = tiny.model.look([image])
        scores = tiny.model.score(features, QUESTION, CELL_TYPES)[0]
        streamed = "".join(tiny.model.stream(features, QUESTION))
        return tiny.model.describe(features)[0].text, streamed, scores.tolist()

    alone = [ask(image) for image in images * 2]
    with ThreadPoolExecutor(4) as pool:
        assert list(pool.map(ask, images * 2)) == alone


def test_a_stalled_stream_stops_nobody_else(tiny, images):
    features = tiny.model.look(images[:1])
    stalled = tiny.model.stream(features)
    next(stalled)
    other = threading.Thread(target=tiny.model.describe, args=(features,), daemon=True)
    other.start()
    other.join(20)
    assert not other.is_alive()
    assert len(list(stalled)) > 1


@pytest.mark.parametrize("size", [(1, 1), (3, 40), (40, 3), (3, 3), (1, 300)])
def test_an_image_of_any_shape_and_mode_is_seen_in_colour(tiny, size):
    red, blue = (Image.new("RGB", size, colour) for colour in ("red", "blue"))
    large = Image.new("RGB", (64, 64), "red")
    vectors = tiny.model.embed_image(tiny.model.look([red, blue, large, red.convert("RGBA")]))
    np.testing.assert_allclose(vectors[0], vectors[2], atol=1e-6)
    np.testing.assert_array_equal(vectors[0], vectors[3])
    assert vectors[0] @ vectors[1] < 0.999


def test_misuse_is_named(tiny, images):
    features = tiny.model.look(images)
    with pytest.raises(ValueError, match="no image"):
        tiny.model.look([])
    with pytest.raises(ValueError, match="no options"):
        tiny.model.score(features, QUESTION, [])
    with pytest.raises(ValueError, match="1 prompts for 4 images"):
        tiny.model.generate(features, ["describe en"])
