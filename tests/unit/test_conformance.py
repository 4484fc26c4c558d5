"""The kit passes what is right, and names the check that a planted fault fails."""

import json
from collections.abc import Callable, Iterable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import foreign_tools
import pytest
import tiny_paligemma
import torch
from click.testing import CliRunner
from peft import LoraConfig, PeftType, get_peft_model

from agent.settings import LITE_CHECKPOINT
from finetune.commands.conformance import conformance
from finetune.conformance.adapter import adapter
from finetune.conformance.kit import conform, lacks
from finetune.conformance.opening import open_subject
from finetune.conformance.ours import our_subject
from finetune.conformance.result import Result
from finetune.conformance.stock import stock_collator, stock_forward, stock_subject
from finetune.conformance.subject import Batch, Subject
from finetune.data.row import Row

TEXT_ONLY = r".*language_model.*\.(q_proj|k_proj|v_proj|o_proj)"
WORDS = tiny_paligemma.processor()


def ours(generation: tiny_paligemma.Generation = 1, image_prefix: str | None = None) -> Subject:
    model = tiny_paligemma.model(generation, WORDS, image_prefix=image_prefix)
    return our_subject(model, WORDS, "ours")


def collated_with(change: Callable[[dict[str, Any]], None]) -> Subject:
    """Served as ours, trained the stock way but for a change of each batch."""
    subject, stock = ours(), stock_collator(WORDS)

    def collate(rows: Sequence[Row]) -> Batch:
        batch = dict(stock(rows))
        change(batch)
        return batch

    return replace(subject, collate=collate, forward=stock_forward(subject.model))


def failures(results: Iterable[Result]) -> set[str]:
    return {result.check for result in results if result.status == "failed"}


def failed_cases(results: Iterable[Result]) -> set[str]:
    return {f"{result.check} {result.case}" for result in results if result.status == "failed"}


def with_lora(model: Any, **options: Any) -> Any:
    torch.manual_seed(0)
    return get_peft_model(model, LoraConfig(r=2, init_lora_weights=False, **options)).eval()


@pytest.mark.parametrize(("generation", "form"), [(1, None), (2, None), (1, "isolated")])
def test_ours_passes_every_check(generation, form):
    results = list(conform(ours(generation, form)))
    assert not failed_cases(results)
    assert {result.check for result in results if result.status == "passed"} == {
        "labels", "tokens", "future", "prefix", "image", "mates", "cache",
    }  # fmt: skip


def test_the_shipped_checkpoint_passes():
    subject = open_subject(str(LITE_CHECKPOINT), None, device="cpu", dtype="auto")
    assert not failed_cases(conform(subject, attentions=["sdpa"]))


def test_sdpa_is_skipped_where_the_decoder_has_none_and_says_why():
    (masks,) = [result for result in conform(ours(2), attentions=["sdpa"]) if result.case.attention]
    assert masks.status == "skipped"
    assert "Gemma2Model has no SDPA" in masks.detail
    assert not lacks(ours(1), "sdpa")


def test_a_lora_on_the_decoder_passes_unmerged_in_training_and_merged_in_serving():
    model = with_lora(tiny_paligemma.model(1, WORDS), target_modules=TEXT_ONLY)
    results = list(conform(our_subject(model, WORDS, "lora"), attentions=["sdpa"]))
    assert not failed_cases(results)
    assert results[0].detail == "8 modules adapted"


@pytest.mark.filterwarnings("ignore:(Token type|Position) ids are not supported")
@pytest.mark.parametrize("generation", [1, 2])
def test_prompt_tuning_of_peft_fails_by_its_masks(generation):
    model = tiny_paligemma.model(generation, WORDS)
    subject = foreign_tools.prompt_learning(model, WORDS, PeftType.PROMPT_TUNING)
    failed = failed_cases(conform(subject))
    assert {"prefix training eager none", "cache generation eager padded"} <= failed
    leak, by_mates = "future training sdpa none", "mates training sdpa padded"
    assert ({leak, by_mates} <= failed) == (generation == 1)  # Gemma 2 has no SDPA to leak by
    assert not {"labels", "tokens"} & {case.split()[0] for case in failed}


@pytest.mark.parametrize("generation", [1, 2])
def test_the_collator_of_trl_fails_by_leaking_answers_and_by_its_labels(generation):
    pytest.importorskip("trl", reason="trl is in the extra `dev`")
    subject = foreign_tools.trl(tiny_paligemma.model(generation, WORDS), WORDS, "text")
    results = list(conform(subject, attentions=["eager"]))
    assert failures(results) == {"labels", "future", "cache"}
    (labels, *_) = [result for result in results if result.check == "labels"]
    assert "beyond the answers" in labels.detail
    assert "without <eos>" in labels.detail


def test_the_collator_of_trl_takes_no_prompt_and_completion():
    pytest.importorskip("trl", reason="trl is in the extra `dev`")
    subject = foreign_tools.trl(tiny_paligemma.model(1, WORDS), WORDS, "prompt-completion")
    (_, labels, *_) = conform(subject, attentions=[])
    assert labels.status == "failed"
    assert "ValueError: `images` are expected" in labels.detail


def test_dropped_token_types_leak_without_padding_and_lose_the_prefix_with_it():
    subject = collated_with(lambda batch: batch.pop("token_type_ids"))
    sdpa, eager = (set(failed_cases(conform(subject, attentions=[a]))) for a in ("sdpa", "eager"))
    assert {"future training sdpa none", "prefix training sdpa padded"} <= sdpa
    assert "mates training sdpa padded" in sdpa
    assert "prefix training eager none" in eager


def test_token_types_that_are_all_zero_leak_the_answer():
    subject = collated_with(lambda batch: batch["token_type_ids"].zero_())
    assert failures(conform(subject, attentions=["sdpa"])) == {"future", "cache"}


def test_padding_on_the_right_spoils_generation():
    model = tiny_paligemma.model(1, WORDS)
    subject = stock_subject("right", model, WORDS, stock_collator(WORDS), padding_side="right")
    assert failed_cases(conform(subject, attentions=["sdpa"])) == {
        "mates generation sdpa padded", "cache generation sdpa padded",
    }  # fmt: skip


def test_labels_off_by_one_fail():
    subject = collated_with(lambda batch: batch.update(labels=batch["labels"].roll(-1, 1)))
    assert failures(conform(subject, attentions=[])) == {"labels"}


def test_a_prompt_that_serving_would_not_read_fails():
    def upper(rows: Sequence[Row]) -> Batch:
        return subject.collate([replace(row, prefix=row.prefix.upper()) for row in rows])

    subject = ours()
    results = list(conform(replace(subject, collate=upper), attentions=[]))
    assert failures(results) == {"tokens"}
    assert any("in cell 1?': trained …'" in result.detail for result in results)


def test_an_isolated_image_that_sees_the_text_in_training_fails():
    subject = ours(1, "isolated")
    trained = stock_forward(subject.model)
    subject = replace(subject, collate=stock_collator(WORDS), forward=trained)
    assert failures(conform(subject, attentions=["sdpa"])) == {"prefix", "cache"}


def test_a_model_that_does_not_read_the_answer_proves_nothing():
    subject = ours()

    def deaf(batch: Batch) -> object:
        return subject.forward({**batch, "input_ids": torch.full_like(batch["input_ids"], 10)})

    results = conform(replace(subject, forward=deaf), attentions=["sdpa"])
    assert any(result.check == "future" and result.status == "failed" for result in results)


@pytest.mark.parametrize(
    ("targets", "part"),
    [(["q_proj", "k_proj", "v_proj"], "vision_tower"), ("all-linear", "multi_modal_projector")],
)
def test_a_lora_that_hits_more_than_it_names_fails(targets, part):
    model = with_lora(tiny_paligemma.model(1, WORDS), target_modules=targets)
    result = adapter(our_subject(model, WORDS, "wide"), None)
    assert result.status == "failed"
    assert "not asked for" in result.detail
    assert part in result.detail


def test_a_lora_may_sit_in_the_tower_when_it_is_named():
    model = with_lora(
        tiny_paligemma.model(1, WORDS), target_modules=rf".*vision_tower.*\.q_proj|{TEXT_ONLY}"
    )
    assert adapter(our_subject(model, WORDS, "named"), None).status == "passed"


def test_an_adapter_file_without_all_its_weights_fails(tmp_path):
    base = str(tiny_paligemma.save(tmp_path / "base"))
    model = with_lora(tiny_paligemma.model(1, WORDS), target_modules=TEXT_ONLY)
    model.save_pretrained(tmp_path / "adapter")
    _rewrite(tmp_path / "adapter" / "adapter_config.json", target_modules=r".*language_model.*proj")
    subject = open_subject(base, tmp_path / "adapter", device="cpu", dtype="auto")
    result = adapter(subject, tmp_path / "adapter")
    assert result.status == "failed"
    assert "6 without weights in the file" in result.detail


def test_the_command_prints_cases_and_fails_where_one_did(tmp_path):
    base = str(tiny_paligemma.save(tmp_path / "base"))
    model = with_lora(tiny_paligemma.model(1, WORDS), target_modules=["q_proj"])
    model.save_pretrained(tmp_path / "adapter")
    asked = [base, "--adapter", str(tmp_path / "adapter"), "--device", "cpu"]
    result = CliRunner().invoke(conformance, [*asked, "--json"])
    first, *others = [json.loads(line) for line in result.stdout.splitlines()]
    assert result.exit_code == 1
    assert (first["check"], first["status"], first["limit"]) == ("adapter", "failed", 0)
    assert {other["status"] for other in others} == {"passed"}
    assert {other["attention"] for other in others} == {"", "eager", "sdpa"}


def test_the_command_sums_up_and_succeeds_where_all_passed(tmp_path):
    result = CliRunner().invoke(conformance, [str(tiny_paligemma.save(tmp_path, generation=2))])
    assert result.exit_code == 0
    assert "no answer token sees its future: 4 passed" in result.stdout
    assert "masks    who sees whom, with this attention: 1 skipped" in result.stdout


def _rewrite(path: Path, **changes: Any) -> None:
    path.write_text(json.dumps(json.loads(path.read_text("utf-8")) | changes), "utf-8")
