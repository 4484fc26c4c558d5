"""Whole turns on a real database, a real tiny PaliGemma and the real encoder."""

import gc
import threading
from collections.abc import Iterator
from concurrent.futures import CancelledError, ThreadPoolExecutor
from datetime import UTC, datetime
from pathlib import Path

import pytest
from agent_fakes import SureModel, png
from langfuse_recorder import langfuse_recorder
from pydantic import SecretStr

from agent.assistant import Assistant
from agent.build import open_assistant
from agent.settings import Settings
from agent.turn import Feedback, PlanMade, TurnDone, TurnRecord
from tools.embedders import load_text_encoder
from tools.errors import BadImageError, BadInputError, Cancelled, StoreUnavailableError
from tools.images import open_image, thumbnail
from tools.library import Article, ImageRecord, Passage
from tools.postgres import EmbeddedPostgres
from tools.protocols import TextEncoder, VisionModel
from tools.store import Store

pytestmark = pytest.mark.db

THREE = "What cell is this, what do similar cases show, and what does the literature say about its nucleus?"  # noqa: E501
PLAIN = "What is known about the neutrophil nucleus?"


@pytest.fixture(scope="module")
def encoder() -> TextEncoder:
    return load_text_encoder("minilm")


def settings(folder: Path) -> Settings:
    return Settings(data_dir=folder, starter_library=False, _env_file=None)


def fill(store: Store, model: VisionModel, encoder: TextEncoder) -> None:
    """Three labelled images and two articles."""
    files = [open_image(png(c), max_pixels=10**6, max_bytes=10**6) for c in ("red", "blue", "tan")]
    told = {"path": "", "width": 16, "height": 16, "source": "test", "licence": "CC0"}
    records = [
        ImageRecord(
            image_id=f.image_id,
            labels={"cell_type": "neutrophil"},
            thumbnail=thumbnail(f.pixels),
            **told,
        )
        for f in files
    ]
    features = model.look([f.pixels for f in files])
    store.add_images(records, model.name, model.embed_image(features))
    texts = ("The neutrophil nucleus has three lobes.", "A neutrophil band nucleus has no lobes.")
    store.add_articles([
        Article(source_id=f"pmid:{n}", pmid=str(n), title="The neutrophil nucleus", corpus="test",
                passages=(Passage(section="abstract", text=text),))
        for n, text in enumerate(texts, start=1)
    ])  # fmt: skip
    ids, passages = zip(*store.passages_without_embedding(encoder.name, 10), strict=True)
    store.add_passage_embeddings(encoder.name, ids, encoder.encode_passages(passages))


@pytest.fixture
def model() -> SureModel:
    return SureModel()


@pytest.fixture
def assistant(store, model, encoder, tmp_path) -> Iterator[Assistant]:
    fill(store, model, encoder)
    with Assistant(settings(tmp_path), store, model, encoder) as assistant:
        yield assistant


def ask(assistant: Assistant, question: str, *images: bytes, session: str = "s") -> TurnRecord:
    return assistant.ask(assistant.new_turn(session, question, images))


def test_one_answer_stands_on_image_cases_and_literature(assistant, store):
    record = ask(assistant, THREE, png())
    kinds = {record.evidence()[i].kind for i in record.answer.cited()}
    assert kinds == {"description", "case", "literature"}
    assert record.answer.status == "grounded" and record.plan.decided_by == "head"
    assert "core" in (record.machine or "") and (record.cpu_seconds or 0) > 0
    assert store.has_pmids(["1", "2"]) == {"1", "2"} and "PMID 1" in record.answer.text
    assert TurnRecord.model_validate_json(store.turn(record.turn.turn_id) or "") == record


def test_the_streamed_pieces_are_the_answer(assistant):
    events = list(assistant.stream(assistant.new_turn("s", THREE, [png()])))
    text = "".join(event.text for event in events if event.kind == "delta")
    assert isinstance(events[0], PlanMade) and isinstance(events[-1], TurnDone)
    assert text == events[-1].record.answer.text


def test_a_follow_up_finds_image_and_topic_after_a_restart(assistant, store, model, encoder):
    ask(assistant, "What cell is this?", png())
    with Assistant(assistant.settings, store, model, encoder) as restarted:
        papers = ask(restarted, "any papers on that?")
        nucleus = ask(restarted, "what about its nucleus?")
    assert "neutrophil" in papers.answer.text and papers.plan.tools == ("literature_search",)
    assert nucleus.plan.tools == ("describe_image",) and nucleus.answer.status == "grounded"
    assert assistant.history("s")[0].turn.question == "What cell is this?"


def test_images_of_earlier_turns_are_compared_after_a_restart(assistant, store, model, encoder):
    assistant.ask(assistant.new_turn("s", "What cell is this?", [png("red")]))
    assistant.ask(assistant.new_turn("s", "And this?", [png("green")]))
    with Assistant(assistant.settings, store, model, encoder) as again:
        record = again.ask(again.new_turn("s", "Compare the first and the second"))
        missing = again.ask(again.new_turn("s", "Describe the third image"))
    first, second = (again.images.put(png(colour)).image_id for colour in ("red", "green"))
    assert {result.image_id for result in record.results} == {first, second}  # as they were done
    text = record.answer.text
    assert text.index("Image 1: The model sees a neutrophil") < text.index("Image 2: The model")
    assert "Image 1 and image 2 agree in cell type neutrophil" in record.answer.text
    assert "no image 3 in this session; it has 2" in missing.answer.text
    assert missing.answer.status == "abstained"


def test_what_is_named_is_shown_from_the_library_without_an_image(assistant):
    record = ask(assistant, "Show me neutrophils")
    assert record.plan.tools == ("image_search",)
    assert {e.found_by for e in record.evidence().values()} == {"words"}
    assert record.answer.text.startswith('Of the library, 3 images fit "neutrophils" best')
    assert record.answer.status == "grounded"
    record = ask(assistant, "Show me monocytes")
    assert 'No image of the library is called "monocytes"' in record.answer.text
    assert record.answer.status == "abstained"


def test_a_session_does_not_see_the_images_of_another(assistant):
    ask(assistant, "What cell is this?", png(), session="one")
    assert ask(assistant, "what cell is this?", session="two").plan.outcome == "needs_image"


def test_two_sessions_at_once_get_the_answers_they_would_get_alone(assistant):
    alone = ask(assistant, THREE, png("red")), ask(assistant, THREE, png("blue"), session="t")
    with ThreadPoolExecutor(2) as pool:
        red = pool.submit(ask, assistant, THREE, png("red"), session="u")
        blue = pool.submit(ask, assistant, THREE, png("blue"), session="v")
    assert red.result().answer == alone[0].answer and blue.result().answer == alone[1].answer


def test_a_cancelled_turn_ends_soon_and_leaves_no_record(assistant):
    stop = threading.Event()
    with pytest.raises(Cancelled):
        for event in assistant.stream(assistant.new_turn("s", THREE, [png()]), stop.is_set):
            stop.set()
            assert not isinstance(event, TurnDone)
    assert assistant.history("s") == []
    assert ask(assistant, THREE, png()).answer.status == "grounded"


def test_closing_in_the_middle_of_a_turn_leaves_no_task_behind(
    store, model, encoder, tmp_path, caplog
):
    with Assistant(settings(tmp_path), store, model, encoder) as closed:
        events = closed.stream(closed.new_turn("s", THREE, [png()]))
        next(events)
    with pytest.raises(CancelledError):
        list(events)
    gc.collect()
    assert "destroyed" not in caplog.text


def test_a_bug_of_ours_reaches_the_caller(assistant, model):
    model.fails = TypeError("ours")
    with pytest.raises(TypeError, match="ours"):
        ask(assistant, THREE, png())


def test_what_is_no_image_is_refused_before_the_turn(assistant):
    with pytest.raises(BadImageError):
        assistant.new_turn("s", "What is this?", [b"not an image"])
    with pytest.raises(BadInputError, match="empty"):
        assistant.new_turn("s", "  ")


def thumb(turn_id: str) -> Feedback:
    return Feedback(
        feedback_id=f"f-{turn_id}", turn_id=turn_id, helpful=True, given_at=datetime.now(UTC)
    )


def test_feedback_is_kept_with_its_turn(assistant, store):
    turn_id = ask(assistant, PLAIN).turn.turn_id
    given = thumb(turn_id)
    assistant.give_feedback(given)
    assert Feedback.model_validate_json(store.feedback(turn_id)[0]) == given
    assert store.unsent_scores().count == 1
    with pytest.raises(BadInputError, match="no turn 't9'"):
        assistant.give_feedback(thumb("t9"))


def test_a_chat_outlives_a_database_that_goes_and_comes_back(server_folder, model, encoder):
    server = EmbeddedPostgres(server_folder / "postgres", {"fsync": "off"})
    with Store(server.start()) as store:
        store.migrate()
        fill(store, model, encoder)
        with Assistant(settings(server_folder), store, model, encoder) as assistant:
            ask(assistant, "What cell is this?", png())
            server.stop()
            down = ask(assistant, THREE)
            with pytest.raises(StoreUnavailableError):
                assistant.history("s")
            server.start()
            back = ask(assistant, THREE)
            kept = [record.turn.turn_id for record in assistant.history("s")]
    server.stop()
    assert "sees a neutrophil" in down.answer.text
    assert "could not be searched: the database is not reachable" in down.answer.text
    assert "could not be saved yet" in down.answer.text
    assert {e.kind for e in back.evidence().values()} == {"description", "case", "literature"}
    assert kept[1:] == [down.turn.turn_id, back.turn.turn_id]


def test_the_parts_wire_up_around_a_real_model(tiny_paligemma_dir, database_url, tmp_path):
    chosen = Settings(
        model=str(tiny_paligemma_dir), database_url=database_url, data_dir=tmp_path,
        starter_library=False, max_new_tokens=8, _env_file=None,
        langfuse_public_key="pk", langfuse_secret_key=SecretStr("sk"),
    )  # fmt: skip
    said = list[str]()
    with langfuse_recorder() as server:
        chosen = chosen.model_copy(update={"langfuse_base_url": server.url})
        with open_assistant(chosen, progress=said.append) as assistant:
            record = ask(assistant, "What cell is this, and what do similar cases show?", png())
            assistant.give_feedback(thumb(record.turn.turn_id))
    assert record.results[0].error is None and said[-1] == "Ready"
    assert "Research use only; not a diagnosis." in record.answer.text
    assert {s["trace"] for s in server.spans} == {s["traceId"] for s in server.scores}
    assert [(s["name"], s["traceId"]) for s in server.scores] == [
        ("user_feedback", record.trace_id)
    ]
