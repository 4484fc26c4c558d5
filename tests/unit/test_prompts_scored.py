"""Answers scored after whole prompts, and after texts that have no image."""

import numpy as np
import pytest
import tiny_paligemma
import torch
from PIL import Image

from agent.paligemma import PaliGemma

PROMPT, OPTIONS = "answer en what is the cell type", ["neutrophil", "a lymphocyte", "none few"]


def model_of(generation: tiny_paligemma.Generation, form: str | None) -> PaliGemma:
    words = tiny_paligemma.processor()
    stock = tiny_paligemma.model(generation, words, image_prefix=form)
    return PaliGemma(stock, words, name="tiny", max_new_tokens=8)


@pytest.fixture(scope="module", params=[(1, None), (2, None), (1, "isolated")])
def model(request: pytest.FixtureRequest) -> PaliGemma:
    return model_of(*request.param)


@pytest.fixture
def seen(model):
    noise = np.random.default_rng(0).integers(0, 255, (2, 32, 32, 3), dtype=np.uint8)
    return model.look([Image.fromarray(each) for each in noise])


def test_a_question_is_its_prompt(model, seen):
    question = PROMPT.removeprefix("answer en ")
    by_prompt = model.score_after(seen, [(PROMPT, OPTIONS), ("cell", OPTIONS[:2])])
    assert [each.shape for each in by_prompt] == [(2, 3), (2, 2)]
    np.testing.assert_allclose(by_prompt[0], model.score(seen, question, OPTIONS), atol=1e-6)


def test_a_text_alone_is_scored_and_continued_as_the_same_text_read_anew(model):
    nothing = model.no_image(2)
    scored = model.score_after(nothing, [(PROMPT, OPTIONS)])[0]
    np.testing.assert_allclose(scored[0], scored[1], atol=1e-6)
    np.testing.assert_allclose(scored[0], anew(model), atol=1e-5)
    first = model._processor.tokenizer.decode(int(logits(model, "")[-1].argmax()))
    assert all(
        each.text.startswith(first.strip()) for each in model.generate(nothing, [PROMPT] * 2)
    )


def logits(model: PaliGemma, suffix: str) -> torch.Tensor:
    """(1 + suffix tokens, vocabulary) in one forward of the stock decoder, the mask written out."""
    stock, words = model._decoder.model, model._processor.tokenizer
    prefix = len(words(f"<bos>{PROMPT}\n")["input_ids"])
    ids = torch.tensor(
        [words(f"<bos>{PROMPT}\n")["input_ids"] + (words(suffix)["input_ids"] if suffix else [])]
    )
    sees = torch.ones(ids.shape[1], ids.shape[1]).tril()
    if not model._prefixes.together:
        sees[:prefix, :prefix] = 1
    hidden = torch.where(sees == 1, 0.0, torch.finfo().min)[None, None]
    both = {"full_attention": hidden, "sliding_attention": hidden}  # the text is within the window
    gemma2 = stock.config.text_config.model_type == "gemma2"
    with torch.inference_mode():
        found = stock.model.language_model(
            input_ids=ids,
            attention_mask=both if gemma2 else hidden,
            position_ids=torch.arange(1, ids.shape[1] + 1)[None],
            use_cache=False,
        ).last_hidden_state
        raw = stock.lm_head(found)[0, prefix - 1 :]
    return 30 * torch.tanh(raw / 30) if gemma2 else raw


def anew(model: PaliGemma) -> np.ndarray:
    """Probabilities of the options, each read in a forward of its own."""
    logs = []
    for option in OPTIONS:
        suffix = model._processor.tokenizer(f"{option}<eos>")["input_ids"]
        each = logits(model, f"{option}<eos>")[:-1].log_softmax(-1)
        logs.append(each.gather(1, torch.tensor(suffix)[:, None]).sum())
    return torch.stack(logs).double().softmax(0).numpy()
