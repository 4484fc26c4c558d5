"""Image tokens that see only the image: read once, and all that is asked follows behind them.

The slow reference is a forward over one whole sequence with its mask written out.
"""

from concurrent.futures import ThreadPoolExecutor
from itertools import count
from typing import Any, NamedTuple

import numpy as np
import pytest
import tiny_paligemma
import torch
from PIL import Image
from transformers import PaliGemmaForConditionalGeneration

from agent.drafts import Drafts
from agent.paligemma import PaliGemma, load_paligemma
from agent.token_tree import Continued, token_tree
from tools.errors import BadInputError, Cancelled, ModelUnavailableError

ASKED = [
    ("what is the cell type", ["neutrophil", "a lymphocyte", "monocyte with round nucleus"]),
    ("how many platelets are shown", ["none", "few", "many", ""]),
    ("cell", ["a neutrophil with a segmented nucleus", "a neutrophil"]),
]
NEW = 12  # tokens
TOKENS = (tiny_paligemma.SIDE // tiny_paligemma.PATCH) ** 2  # of an image


class Tiny(NamedTuple):
    model: PaliGemma
    stock: Any
    processor: Any

    def tokens(self, prompt: str) -> list[int]:
        return list(self.processor.tokenizer(f"<bos>{prompt}\n")["input_ids"])

    def logits(self, image: Image.Image, text: list[int]) -> torch.Tensor:
        """(text tokens, vocabulary): one forward, the mask as in training, positions from 1."""
        seen = self.stock.get_image_features(self.model._pixels([image])).pooler_output
        words = self.stock.get_input_embeddings()(torch.tensor([text]))
        length = TOKENS + len(text)
        mask = torch.ones(length, length).tril()
        mask[:TOKENS, :TOKENS] = 1
        hidden = self.stock.model.language_model(
            inputs_embeds=torch.cat([seen, words], 1),
            attention_mask=torch.where(mask == 1, 0.0, torch.finfo().min)[None, None],
            position_ids=torch.arange(1, length + 1)[None],
            use_cache=False,
        ).last_hidden_state
        return self.stock.lm_head(hidden[0, TOKENS:]).log_softmax(-1)

    @torch.inference_mode()
    def log_probability(self, image: Image.Image, prompt: str, option: str) -> float:
        prefix = self.tokens(prompt)
        suffix = self.processor.tokenizer(f"{option}<eos>")["input_ids"]
        logs = self.logits(image, prefix + suffix)[len(prefix) - 1 : -1]
        return float(logs.gather(1, torch.tensor(suffix)[:, None]).sum())

    def probabilities(self, image: Image.Image) -> list[Any]:
        logs = [[self.log_probability(image, f"answer en {q}", o) for o in os] for q, os in ASKED]
        return [torch.tensor(row, dtype=torch.float64).softmax(0).numpy() for row in logs]

    @torch.inference_mode()
    def text(self, image: Image.Image, prompt: str) -> str:
        """Greedy, the whole sequence read anew for every token."""
        ids, new = self.tokens(prompt), []
        while len(new) < NEW and 1 not in new:
            new.append(int(self.logits(image, ids + new)[-1].argmax()))
        return str(self.processor.decode(new, skip_special_tokens=True)).strip()


@pytest.fixture(scope="module", params=["sdpa", "eager"])
def tiny(request: pytest.FixtureRequest) -> Tiny:
    processor = tiny_paligemma.processor()
    stock = tiny_paligemma.model(1, processor, image_prefix="isolated")
    stock.set_attn_implementation(request.param)
    return Tiny(PaliGemma(stock, processor, name="tiny", max_new_tokens=NEW), stock, processor)


@pytest.fixture(scope="module")
def images() -> list[Image.Image]:
    noise = np.random.default_rng(0).integers(0, 255, (3, 40, 56, 3), dtype=np.uint8)
    return [*map(Image.fromarray, noise), Image.new("RGB", (32, 32), "red")]


def assert_same(scores, others, tolerance=1e-5):
    for one, other in zip(scores, others, strict=True):
        np.testing.assert_allclose(one, other, atol=tolerance)


def test_packed_scores_equal_a_forward_for_each_answer(tiny, images):
    scores = tiny.model.score_all(tiny.model.look(images), ASKED)
    assert [each.shape for each in scores] == [(4, 3), (4, 4), (4, 2)]
    for row, image in enumerate(images):
        assert_same([each[row] for each in scores], tiny.probabilities(image))


def test_one_question_scores_as_among_others(tiny, images):
    features = tiny.model.look(images)
    alone = [tiny.model.score(features, *asked) for asked in ASKED]
    assert_same(alone, tiny.model.score_all(features, ASKED))
    assert_same(alone[::-1], tiny.model.score_all(features, ASKED[::-1]))


def test_an_image_scores_in_any_batch_as_alone(tiny, images, monkeypatch):
    alone = [tiny.model.score_all(tiny.model.look([image]), ASKED) for image in images]
    for size in (4096, 150):  # all in one forward, and an image or two in each
        monkeypatch.setattr("agent.prefixes.FORWARD", size)
        batch = tiny.model.score_all(tiny.model.look(images * 2), ASKED)
        for row, scores in enumerate(alone * 2):
            assert_same([each[row : row + 1] for each in batch], scores)


def test_texts_equal_reading_everything_anew_for_each_token(tiny, images):
    features = tiny.model.look(images)
    expected = [tiny.text(image, "describe en") for image in images]
    assert [each.text for each in tiny.model.describe(features)] == expected
    assert len(set(expected)) > 1  # else the tiny model would not look at its image
    streamed = [list(tiny.model.stream(tiny.model.look([image]))) for image in images]
    assert ["".join(pieces).strip() for pieces in streamed] == expected


def test_prompts_of_different_lengths_in_a_batch_equal_singles(tiny, images):
    prompts = ["describe en", "answer en how many red blood cells are shown", "detect x", "a"]
    batch = tiny.model.generate(tiny.model.look(images), prompts)
    alone = [tiny.text(*each) for each in zip(images, prompts, strict=True)]
    assert [each.text for each in batch] == alone


def test_several_images_are_answered_about_together(tiny, images):
    both = tiny.model.answer_about(tiny.model.look(images[:2]), "cell")
    assert both != tiny.model.answer_about(tiny.model.look(images[1::-1]), "cell")


def test_an_image_is_read_once_for_everything(tiny, images):
    read: list[int] = []
    hook = tiny.stock.model.language_model.register_forward_hook(
        lambda _, __, given, ___: read.append(given["inputs_embeds"].shape[1]), with_kwargs=True
    )
    features = tiny.model.look(images[:1])
    before = tiny.model.score_all(features, ASKED)
    text = tiny.model.describe(features)
    answer = tiny.model.answer_about(features, "cell")
    again = tiny.model.score_all(features, ASKED)
    hook.remove()
    assert read.count(TOKENS) == 1
    assert_same(before, again, 0)
    assert text[0].text == tiny.model.describe(features)[0].text
    assert answer.text == tiny.model.answer(features, "cell")[0].text


def test_a_text_is_the_same_whatever_was_written_before(tiny, images):
    alike = [Image.new("RGB", (32, 32), colour) for colour in ("red", "darkred", "blue")]
    fresh = PaliGemma(tiny.stock, tiny.processor, name="tiny", max_new_tokens=NEW)
    for image in (*alike, *images, *alike):
        (said,) = fresh.describe(fresh.look([image]))
        assert said.text == tiny.text(image, "describe en")
        expected = tiny.model.describe(tiny.model.look([image, image]))[0]  # a batch has no drafts
        assert said.probability == pytest.approx(expected.probability, rel=1e-4)


def test_a_text_that_was_written_before_takes_few_forwards(tiny, images):
    fresh = PaliGemma(tiny.stock, tiny.processor, name="tiny", max_new_tokens=NEW)
    features, forwards = fresh.look(images[:1]), []
    hook = tiny.stock.register_forward_hook(lambda *_: forwards.append(1))
    fresh.describe(features)
    first = len(forwards)
    fresh.describe(features)
    hook.remove()
    assert (len(forwards) - first) * 2 < first


def test_examples_of_its_folder_help_with_the_first_text(tiny, images, tmp_path):
    def forwards() -> int:
        model, calls = load_paligemma(str(tmp_path), device="cpu", max_new_tokens=NEW), []
        model._decoder.model.register_forward_hook(lambda *_: calls.append(1))
        assert model.describe(model.look(images[:1]))[0].text == written
        return len(calls)

    tiny.stock.save_pretrained(tmp_path)
    tiny.processor.save_pretrained(tmp_path)
    written = tiny.text(images[0], "describe en")
    before = forwards()
    (tmp_path / "examples.txt").write_text(f"{written}\n", "utf-8")
    assert forwards() < before


def test_a_guess_repeats_what_followed_last_and_forgets_the_oldest():
    drafts = Drafts(longest=2, pairs=4)
    assert drafts.guess([]) == drafts.guess([5]) == []
    drafts.learn([5, 6, 7])
    assert [drafts.guess([]), drafts.guess([5]), drafts.guess([9, 5, 6])] == [[5, 6], [6, 7], [7]]
    drafts.learn([5, 8])
    assert [drafts.guess([]), drafts.guess([5])] == [[5, 8], [8]]
    drafts.learn([1, 2, 3])
    assert drafts.guess([5, 6]) == []


def test_no_questions_have_no_scores_and_a_question_needs_options(tiny, images):
    features = tiny.model.look(images)
    assert tiny.model.score_all(features, []) == []
    with pytest.raises(ValueError, match="no options"):
        tiny.model.score_all(features, [*ASKED, ("what", [])])


def test_what_does_not_fit_into_the_context_is_refused(tiny, images):
    features = tiny.model.look(images[:1])
    with pytest.raises(BadInputError, match=r"\d{3} tokens .* fewer than 96"):
        tiny.model.score_all(features, [*ASKED, ("what cell " * 50, ["a", "b"])])
    with pytest.raises(BadInputError, match="show fewer images"):
        tiny.model.answer_about(tiny.model.look(images * 2), "what")


def test_scoring_can_be_cancelled_before_its_pass(tiny, images):
    with pytest.raises(Cancelled):
        tiny.model.score_all(tiny.model.look(images), ASKED, lambda: True)


def test_a_cancelled_description_stops_at_the_next_token(tiny, images):
    asked = count(1)
    with pytest.raises(Cancelled):
        tiny.model.describe(tiny.model.look(images), lambda: next(asked) > 3)
    assert next(asked) == 5


def test_threads_sharing_features_get_what_one_caller_gets(tiny, images):
    features = tiny.model.look(images)

    def ask(_: int) -> tuple[list[str], list[Any]]:
        scores = [each.tolist() for each in tiny.model.score_all(features, ASKED)]
        return [each.text for each in tiny.model.describe(features)], scores

    with ThreadPoolExecutor(4) as pool:
        first, *others = pool.map(ask, range(6))
    assert all(other == first for other in others)


def test_the_mark_survives_the_folder(tmp_path):
    tiny_paligemma.model(1, tiny_paligemma.processor(), image_prefix="isolated").save_pretrained(
        tmp_path
    )
    loaded = PaliGemmaForConditionalGeneration.from_pretrained(tmp_path)
    assert loaded.config.image_prefix == "isolated"


@pytest.mark.parametrize(
    ("generation", "form", "said"), [(1, "open", "'open'"), (2, "isolated", "sliding window")]
)
def test_a_mark_that_cannot_be_served_is_refused(generation, form, said):
    words = tiny_paligemma.processor()
    stock = tiny_paligemma.model(generation, words, image_prefix=form)
    with pytest.raises(ModelUnavailableError, match=said):
        PaliGemma(stock, words, name="tiny")


def test_a_tree_reads_a_common_beginning_once():
    tree = token_tree(
        [Continued([5, 6], [7, 1]), Continued([5, 6], [8, 1]), Continued([5], [6, 1])]
    )
    assert tree.tokens.tolist() == [5, 6, 7, 8]  # the <eos> is predicted, never read
    assert tree.depths.tolist() == [0, 1, 2, 2]
    assert tree.sees.tolist() == [
        [True, False, False, False],
        [True, True, False, False],
        [True, True, True, False],
        [True, True, False, True],
    ]
    uniform = torch.zeros(1, len(tree.asked), 10)
    assert tree.log_probabilities(uniform).tolist() == [pytest.approx([2 * -np.log(10)] * 3)]
