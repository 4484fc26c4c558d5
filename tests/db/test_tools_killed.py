"""A tool that dies in the middle of a turn: the others answer, and what is missing is said."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass

import pytest
from agent_fakes import SureModel, png
from test_agent_turns import THREE, fill, settings

from agent.assistant import Assistant
from agent.turn import TurnRecord
from tools.embedders import load_text_encoder
from tools.protocols import TextEncoder

pytestmark = pytest.mark.db
DEAD = RuntimeError("CUDA error: device-side assert triggered")


class Mortal:
    """A text encoder that works until it is killed."""

    def __init__(self, encoder: TextEncoder) -> None:
        self._encoder, self.dead_after = encoder, 10**9
        self.name, self.dimension, self.normalised = encoder.name, encoder.dimension, True

    def encode_queries(self, texts):
        return self._alive().encode_queries(texts)

    def encode_passages(self, texts):
        return self._alive().encode_passages(texts)

    def _alive(self) -> TextEncoder:
        self.dead_after -= 1
        if self.dead_after < 0:
            raise DEAD
        return self._encoder


@pytest.fixture(scope="module")
def minilm() -> TextEncoder:
    return load_text_encoder("minilm")


@pytest.fixture
def encoder(minilm) -> Mortal:
    return Mortal(minilm)


@dataclass
class Witness(SureModel):
    """Sees as it is told, and calls `kill` when it looks: a turn is under way then."""

    kill: Callable[[], None] = bool

    def look(self, images):
        self.kill()
        return super().look(images)


@pytest.fixture
def model() -> Witness:
    return Witness()


@pytest.fixture
def assistant(store, model, encoder, tmp_path) -> Iterator[Assistant]:
    fill(store, model, encoder)
    with Assistant(settings(tmp_path), store, model, encoder) as assistant:
        yield assistant


def killed(assistant: Assistant, model: Witness, kill: Callable[[], None]) -> TurnRecord:
    """The record of a turn in which `kill` is called when the image is looked at."""
    model.kill = kill
    return assistant.ask(assistant.new_turn("s", THREE, [png()]))


def drop(store, table: str) -> None:
    with store.transaction() as connection:
        connection.execute(f"DROP TABLE {table} CASCADE")


@pytest.mark.parametrize(
    ("table", "missing"),
    [
        ("passages", "The literature could not be searched: the table 'passages' is gone"),
        ("postings", "The literature could not be searched: the table 'postings' is gone"),
        ("images", "Similar cases could not be searched: the table 'images' is gone"),
    ],
)
def test_a_dropped_table_is_named_and_the_image_is_still_described(
    assistant, store, model, table, missing
):
    record = killed(assistant, model, lambda: drop(store, table))
    assert missing in record.answer.text
    assert "sees a neutrophil" in record.answer.text and record.answer.status == "grounded"


def test_a_turn_that_cannot_be_saved_says_so(assistant, store, model):
    record = killed(assistant, model, lambda: drop(store, "turns"))
    assert "sees a neutrophil" in record.answer.text
    assert "could not be saved yet" in record.answer.text


def test_a_model_that_dies_leaves_cases_and_literature(assistant, model):
    def kill() -> None:
        model.fails = DEAD

    record = killed(assistant, model, kill)
    assert "The image could not be described" in record.answer.text
    assert "device-side assert" in record.answer.text
    assert "neutrophil (3)" in record.answer.text


def test_an_encoder_that_dies_leaves_image_and_cases(assistant, model, encoder):
    def kill() -> None:
        encoder.dead_after = 0

    record = killed(assistant, model, kill)
    assert "The literature could not be searched" in record.answer.text
    assert "sees a neutrophil" in record.answer.text and "neutrophil (3)" in record.answer.text


def test_all_tools_dead_is_a_failed_answer(assistant, model, encoder, store):
    def kill() -> None:
        model.fails, encoder.dead_after = DEAD, 0
        drop(store, "images")

    record = killed(assistant, model, kill)
    assert not any(s.kind == "claim" for s in record.answer.sentences)
    assert record.answer.status in ("failed", "abstained")


def test_an_encoder_that_is_dead_already_leaves_what_rules_decide(assistant, encoder):
    encoder.dead_after = 0
    record = assistant.ask(assistant.new_turn("s", THREE, [png()]))
    assert (record.plan.decided_by, record.plan.tools) == ("rules", ("describe_image",))
    assert "text encoder failed (CUDA error" in record.plan.reason
    assert "sees a neutrophil" in record.answer.text and record.answer.status == "grounded"
    assert "what else it asks for is missing" in record.answer.text


def test_an_encoder_that_is_dead_already_and_no_image_is_a_failed_search(assistant, encoder):
    encoder.dead_after = 0
    record = assistant.ask(assistant.new_turn("s", "How do lobes form, and why?"))
    assert record.plan.tools == ("literature_search",)
    assert "The literature could not be searched" in record.answer.text
    assert record.answer.status == "failed"
