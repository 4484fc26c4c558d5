from pathlib import Path

import pytest
from huggingface_hub import DatasetCard, ModelCard

from finetune.cards import Figures, dataset_card, model_card
from finetune.saving import Base
from finetune.sets import Count
from finetune.training import train
from tests import tiny_paligemma as tiny
from tests.training_rows import recipe, rows

COUNTS = [
    Count("pbc", "wbcatt", ("CC BY 4.0",), 1200, 300, 40, {"its image cannot be decoded": 2}),
    Count("notes", "jsonl", ("not stated",), 90, 90, 0, {}),
]
FIGURES = Figures("lora", 10, 1000, 50, 400, 61.0, 0.5, 1.25, 0.75, 900, 1)


@pytest.fixture(autouse=True)
def no_network(monkeypatch):
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")


def test_a_model_card_says_what_was_trained_on_what(tmp_path):
    base = Base("google/paligemma2-3b-mix-448", "a" * 40, {}, "paligemma@aaa")
    told = recipe(Path("google/paligemma2-3b-mix-448"))
    model_card(FIGURES, told, base, COUNTS).save(tmp_path / "README.md")
    card = ModelCard.load(tmp_path / "README.md")
    assert card.data.base_model == "google/paligemma2-3b-mix-448"
    assert (card.data.license, card.data.library_name) == ("gemma", "peft")
    assert card.data.pipeline_tag == "image-text-to-text"
    assert "research-use-only" in card.data.tags
    assert card.data.eval_results[0].metric_value == 0.75
    for said in ("Research use only", f"revision `{'a' * 40}`", "CC BY 4.0", "1,200", "1.2500",
                 "its image cannot be decoded: 2", "learning_rate: 0.01", "900 MB"):  # fmt: skip
        assert said in card.text


def test_a_dataset_card_says_sources_licences_and_what_was_left_out(tmp_path):
    dataset_card(COUNTS).save(tmp_path / "README.md")
    card = DatasetCard.load(tmp_path / "README.md")
    assert card.data.license == ["cc-by-4.0", "other"]
    assert card.data.size_categories == ["1K<n<10K"]
    assert card.data.pretty_name == "pbc, notes"
    for said in ("Research use only", "wbcatt", "not stated", "its image cannot be decoded: 2"):
        assert said in card.text


def test_a_run_without_held_out_rows_has_a_card_without_their_figures(tmp_path):
    base = Base("folder", None, {"model.safetensors": "b" * 64}, "folder@bbb")
    figures = Figures("full", 1000, 1000, 5, 4, 6.0, 0.5, None, None, 900, 1)
    card = model_card(figures, recipe(Path("folder")), base, COUNTS)
    assert card.data.eval_results is None
    assert "not measured before, not measured after" in card.text
    assert f"sha256 of `model.safetensors`: `{'b' * 64}`" in card.text


def test_a_run_leaves_cards_that_load(tmp_path):
    base = tiny.save(tmp_path / "base")
    trained = train(
        recipe(base), tmp_path / "run", rows=rows(4), held_out=rows(2), say=lambda line: None
    )
    model = ModelCard.load(Path(trained.adapter, "README.md"))
    assert model.data.eval_results[0].metric_value == pytest.approx(trained.held_out, abs=1e-4)
    rows_of_it = DatasetCard.load(tmp_path / "run" / "dataset" / "README.md")
    assert rows_of_it.data.license == ["cc0-1.0"]
