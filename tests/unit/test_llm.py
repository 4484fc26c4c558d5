"""PaliGemma behind LlamaIndex's interfaces, on a real tiny model."""

import asyncio
import threading
from io import BytesIO
from pathlib import Path
from time import sleep
from typing import Any

import pytest
import tiny_paligemma
from llama_index.core.llms import ChatMessage, ImageBlock, TextBlock
from llama_index.core.query_engine import RetrieverQueryEngine, SimpleMultiModalQueryEngine
from llama_index.core.retrievers import BaseRetriever
from llama_index.core.schema import ImageNode, NodeWithScore, QueryBundle, TextNode
from PIL import Image

from agent.llm import PaliGemmaLLM, PaliGemmaMultiModalLLM
from agent.paligemma import PaliGemma
from tools.errors import BadImageError, BadInputError

RED = Image.new("RGB", (40, 30), "red")
BLUE = Image.new("RGB", (40, 30), "blue")
QUESTION = "what cell is it"


@pytest.fixture(scope="module")
def model() -> PaliGemma:
    words = tiny_paligemma.processor()
    tiny = tiny_paligemma.model(1, words, context=1024)
    return PaliGemma(tiny, words, name="tiny", max_new_tokens=12)


@pytest.fixture(scope="module")
def llm(model) -> PaliGemmaLLM:
    return PaliGemmaLLM(model)


@pytest.fixture
def red(tmp_path) -> Path:
    RED.save(tmp_path / "red.png")
    return tmp_path / "red.png"


def png(image: Image.Image) -> bytes:
    data = BytesIO()
    image.save(data, "PNG")
    return data.getvalue()


def message(*blocks: ImageBlock | str, role: str = "user") -> ChatMessage:
    return ChatMessage(
        role=role, blocks=[TextBlock(text=b) if isinstance(b, str) else b for b in blocks]
    )


def test_chat_answers_about_the_image(llm, model, red):
    response = llm.chat([message(ImageBlock(path=red), QUESTION)])
    said = model.answer(model.look([RED]), QUESTION)[0]
    assert response.message.content == said.text
    assert response.additional_kwargs["probability"] == said.probability


def test_an_image_is_taken_from_bytes_as_from_a_path(llm, red):
    by_path = llm.chat([message(ImageBlock(path=red), QUESTION)])
    by_bytes = llm.chat([message(ImageBlock(image=red.read_bytes()), QUESTION)])
    assert by_path.message.content == by_bytes.message.content


def test_without_words_the_image_is_described(llm, model, red):
    response = llm.chat([message(ImageBlock(path=red))])
    assert response.message.content == model.describe(model.look([RED]))[0].text


def test_a_follow_up_knows_the_images_of_the_conversation(llm, model, red):
    history = [
        message("You help with cells.", role="system"),
        message(ImageBlock(path=red), "what is it"),
        message("a cell", role="assistant"),
        message(ImageBlock(image=png(BLUE)), QUESTION),
    ]
    both = model.answer_about(model.look([RED, BLUE]), QUESTION)
    assert llm.chat(history).message.content == both.text


def test_a_stream_grows_to_the_whole_answer(llm, red):
    ask = [message(ImageBlock(path=red), QUESTION)]
    responses = list(llm.stream_chat(ask))
    assert responses[-1].message.content == "".join(r.delta for r in responses)
    assert responses[-1].message.content.strip() == llm.chat(ask).message.content
    assert len(responses) > 3


async def test_the_four_ways_to_chat_and_to_complete_agree(llm, model, red):
    ask, images = [message(ImageBlock(path=red), QUESTION)], [ImageBlock(path=red)]
    expected = llm.chat(ask).message.content
    assert (await llm.achat(ask)).message.content == expected
    assert [r async for r in await llm.astream_chat(ask)][-1].message.content == expected
    for face in (llm, PaliGemmaMultiModalLLM(model)):
        assert face.complete(QUESTION, image_documents=images).text == expected
        assert (await face.acomplete(QUESTION, image_documents=images)).text == expected
        assert list(face.stream_complete(QUESTION, image_documents=images))[-1].text == expected
        stream = await face.astream_complete(QUESTION, image_documents=images)
        assert [r async for r in stream][-1].text == expected


@pytest.mark.parametrize("call", ["achat", "astream_chat"])
async def test_the_event_loop_keeps_turning_while_the_model_works(model, red, call):
    class Slow(PaliGemma):
        def look(self, images: Any) -> Any:
            sleep(0.3)
            return super().look(images)

    slow = PaliGemmaLLM(Slow(model._decoder.model, model._processor, name="slow"))
    ticks: list[None] = []

    async def heartbeat() -> None:
        while True:
            ticks.append(await asyncio.sleep(0.01))

    heart = asyncio.create_task(heartbeat())
    answer = await getattr(slow, call)([message(ImageBlock(path=red), QUESTION)])
    if call == "astream_chat":
        answer = [r async for r in answer][-1]
    heart.cancel()
    assert answer.message.content
    assert len(ticks) > 10


async def test_a_failure_of_the_model_reaches_every_caller(model, red):
    class Broken(PaliGemma):
        def _steps(self, *_: Any) -> Any:
            raise RuntimeError("out of memory")

    broken = PaliGemmaLLM(Broken(model._decoder.model, model._processor, name="broken"))
    ask = [message(ImageBlock(path=red), QUESTION)]
    with pytest.raises(RuntimeError, match="out of memory"):
        broken.chat(ask)
    with pytest.raises(RuntimeError, match="out of memory"):
        list(broken.stream_chat(ask))
    with pytest.raises(RuntimeError, match="out of memory"):
        await asyncio.wait_for(broken.achat(ask), 20)
    with pytest.raises(RuntimeError, match="out of memory"):
        [r async for r in await asyncio.wait_for(broken.astream_chat(ask), 20)]


async def test_a_cancelled_task_stops_the_model(model, red):
    started, stopped = threading.Event(), threading.Event()

    class Endless(PaliGemma):
        def _steps(self, reading: Any, room: Any, cancelled: Any) -> Any:
            started.set()
            while not cancelled():
                sleep(0.01)
            stopped.set()
            return super()._steps(reading, room, cancelled)

    endless = PaliGemmaLLM(Endless(model._decoder.model, model._processor, name="endless"))
    task = asyncio.create_task(endless.achat([message(ImageBlock(path=red), QUESTION)]))
    await asyncio.to_thread(started.wait, 20)
    task.cancel()
    assert await asyncio.to_thread(stopped.wait, 20)


def test_a_chat_without_an_image_is_refused(llm):
    with pytest.raises(BadInputError, match="add an ImageBlock"):
        llm.chat([message(QUESTION)])
    with pytest.raises(BadInputError, match="add an ImageBlock"):
        llm.complete(QUESTION)


def test_an_image_that_cannot_be_opened_is_refused(llm, tmp_path):
    (tmp_path / "notes.png").write_text("not an image")
    blocks = [
        ImageBlock(path=tmp_path / "notes.png"),
        ImageBlock(image=b"GIF89a"),
        ImageBlock(),
        ImageBlock(url="https://example.org/cell.png"),
    ]
    for block in blocks:
        with pytest.raises(BadImageError):
            llm.chat([message(block, QUESTION)])


def test_metadata_says_what_the_model_can(llm, model):
    for metadata in (llm.metadata, PaliGemmaMultiModalLLM(model).metadata):
        assert (metadata.model_name, metadata.context_window) == ("tiny", 1024)
        assert metadata.num_output == 12
        assert metadata.is_chat_model
        assert not metadata.is_function_calling_model


class Shelf(BaseRetriever):
    """Always finds the same image and passage."""

    def __init__(self, image: Path) -> None:
        super().__init__()
        self.nodes = [ImageNode(image_path=str(image)), TextNode(text="Neutrophils have lobes.")]

    def _retrieve(self, query_bundle: QueryBundle) -> list[NodeWithScore]:
        return [NodeWithScore(node=node, score=1.0) for node in self.nodes]


async def test_the_multi_modal_query_engine_answers_from_image_and_passage(model, red):
    face = PaliGemmaMultiModalLLM(model)
    with pytest.warns(DeprecationWarning, match="multimodal=True"):
        engine = SimpleMultiModalQueryEngine(Shelf(red), multi_modal_llm=face)
    response = engine.query(QUESTION)
    prompt = engine.get_prompts()["text_qa_template"].format(
        context_str="Neutrophils have lobes.", query_str=QUESTION
    )
    assert str(response) == model.answer(model.look([RED]), prompt)[0].text
    assert len(response.source_nodes) == 2
    assert str(await engine.aquery(QUESTION)) == str(response)


def test_its_successor_the_multimodal_retriever_engine_answers(llm, red):
    engine = RetrieverQueryEngine.from_args(
        Shelf(red), llm=llm, multimodal=True, response_mode="simple_summarize"
    )
    response = engine.query(QUESTION)
    assert str(response)
    assert len(response.source_nodes) == 2
