"""PaliGemma as LlamaIndex sees it: an LLM for chats with image blocks, and a MultiModalLLM.

It answers the last user message about the images of the conversation; without words it describes
them. It keeps no history and calls no functions, and without an image it says so: PaliGemma cannot
speak of nothing. Async calls run on a thread, so the event loop stays free.
"""

import asyncio
import threading
from collections.abc import AsyncGenerator, Generator, Sequence
from functools import partial
from pathlib import Path
from typing import Any

from llama_index.core.base.llms.generic_utils import (
    astream_chat_response_to_completion_response,
    chat_response_to_completion_response,
    image_node_to_image_block,
    stream_chat_response_to_completion_response,
)
from llama_index.core.llms import (
    ChatMessage,
    ChatResponse,
    ChatResponseAsyncGen,
    ChatResponseGen,
    CompletionResponse,
    CompletionResponseAsyncGen,
    CompletionResponseGen,
    CustomLLM,
    ImageBlock,
    LLMMetadata,
    TextBlock,
)
from llama_index.core.llms.callbacks import llm_chat_callback, llm_completion_callback
from llama_index.core.multi_modal_llms import MultiModalLLM, MultiModalLLMMetadata
from llama_index.core.schema import ImageNode
from pydantic import PrivateAttr

from agent.paligemma import PaliGemma
from tools.errors import BadImageError, BadInputError
from tools.images import open_image
from tools.protocols import ImageFeatures

MAX_PIXELS, MAX_BYTES = 100_000_000, 50 * 2**20  # of one image, unless told otherwise


class Conversation:
    """The model answering messages; what both of LlamaIndex's faces share."""

    def __init__(self, model: PaliGemma, max_pixels: int, max_bytes: int) -> None:
        self.model = model
        self._open = partial(open_image, max_pixels=max_pixels, max_bytes=max_bytes)

    def reply(
        self, messages: Sequence[ChatMessage], stopped: threading.Event | None = None
    ) -> ChatResponse:
        """The whole answer, with its probability.

        Raises:
            BadInputError: no image, or a question that does not fit; BadImageError: not an image.
            Cancelled: `stopped` was set.
        """
        features = self._look(messages)
        cancelled = (stopped or threading.Event()).is_set
        said = self.model.answer_about(features, _question(messages), cancelled)
        response = _response(said.text, said.text)
        response.additional_kwargs["probability"] = said.probability
        return response

    def replies(self, messages: Sequence[ChatMessage]) -> Generator[ChatResponse, None, None]:
        """The answer as it is written; each response holds all the text so far."""
        text = ""
        for delta in self.model.stream(self._look(messages), _question(messages)):
            text += delta
            yield _response(text, delta)
        if not text:
            yield _response("", "")

    async def areply(self, messages: Sequence[ChatMessage]) -> ChatResponse:
        """`reply` on a thread; a cancelled task stops the model at its next token."""
        stopped = threading.Event()
        try:
            return await asyncio.to_thread(self.reply, messages, stopped)
        finally:
            stopped.set()

    async def areplies(self, messages: Sequence[ChatMessage]) -> AsyncGenerator[ChatResponse, None]:
        """`replies`, each step on a thread; nothing runs between steps."""
        steps = self.replies(messages)
        while (response := await asyncio.to_thread(next, steps, None)) is not None:
            yield response

    def _look(self, messages: Sequence[ChatMessage]) -> ImageFeatures:
        blocks = [b for m in messages for b in m.blocks if isinstance(b, ImageBlock)]
        if not blocks:
            raise BadInputError(
                f"{self.model.name} answers about images and got none; add an ImageBlock"
            )
        return self.model.look([self._open(_source(block)).pixels for block in blocks])


class PaliGemmaLLM(CustomLLM):
    """A local PaliGemma for chats: ImageBlock and TextBlock in, text out."""

    _conversation: Conversation = PrivateAttr()

    def __init__(
        self,
        model: PaliGemma,
        *,
        max_pixels: int = MAX_PIXELS,
        max_bytes: int = MAX_BYTES,
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        self._conversation = Conversation(model, max_pixels, max_bytes)

    @classmethod
    def class_name(cls) -> str:
        return "PaliGemmaLLM"

    @property
    def metadata(self) -> LLMMetadata:
        return LLMMetadata(is_chat_model=True, **_sizes(self._conversation.model))

    @llm_chat_callback()
    def chat(self, messages: Sequence[ChatMessage], **kwargs: Any) -> ChatResponse:
        return self._conversation.reply(messages)

    @llm_chat_callback()
    def stream_chat(self, messages: Sequence[ChatMessage], **kwargs: Any) -> ChatResponseGen:
        return self._conversation.replies(messages)

    @llm_chat_callback()
    async def achat(self, messages: Sequence[ChatMessage], **kwargs: Any) -> ChatResponse:
        return await self._conversation.areply(messages)

    @llm_chat_callback()
    async def astream_chat(
        self, messages: Sequence[ChatMessage], **kwargs: Any
    ) -> ChatResponseAsyncGen:
        return self._conversation.areplies(messages)

    @llm_completion_callback()
    def complete(self, prompt: str, formatted: bool = False, **kwargs: Any) -> CompletionResponse:
        return _completion(self._conversation.reply(_message(prompt, **kwargs)))

    @llm_completion_callback()
    def stream_complete(
        self, prompt: str, formatted: bool = False, **kwargs: Any
    ) -> CompletionResponseGen:
        return _completions(self._conversation.replies(_message(prompt, **kwargs)))

    @llm_completion_callback()
    async def acomplete(
        self, prompt: str, formatted: bool = False, **kwargs: Any
    ) -> CompletionResponse:
        return _completion(await self._conversation.areply(_message(prompt, **kwargs)))

    @llm_completion_callback()
    async def astream_complete(
        self, prompt: str, formatted: bool = False, **kwargs: Any
    ) -> CompletionResponseAsyncGen:
        return _acompletions(self._conversation.areplies(_message(prompt, **kwargs)))


class PaliGemmaMultiModalLLM(MultiModalLLM):
    """The same model for LlamaIndex's multi-modal engines."""

    rate_limiter: None = None  # read by the base's callbacks, which its class lacks (0.14.25)
    _conversation: Conversation = PrivateAttr()

    def __init__(
        self,
        model: PaliGemma,
        *,
        max_pixels: int = MAX_PIXELS,
        max_bytes: int = MAX_BYTES,
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        self._conversation = Conversation(model, max_pixels, max_bytes)

    @classmethod
    def class_name(cls) -> str:
        return "PaliGemmaMultiModalLLM"

    @property
    def metadata(self) -> MultiModalLLMMetadata:
        return MultiModalLLMMetadata(is_chat_model=True, **_sizes(self._conversation.model))

    def to_payload(self) -> dict[str, Any]:
        """What traces say of the model; the base's callbacks ask for it, its class lacks it."""
        return {"class_name": self.class_name(), **self.metadata.model_dump()}

    def chat(self, messages: Sequence[ChatMessage], **kwargs: Any) -> ChatResponse:
        return self._conversation.reply(messages)

    def stream_chat(self, messages: Sequence[ChatMessage], **kwargs: Any) -> ChatResponseGen:
        return self._conversation.replies(messages)

    async def achat(self, messages: Sequence[ChatMessage], **kwargs: Any) -> ChatResponse:
        return await self._conversation.areply(messages)

    async def astream_chat(
        self, messages: Sequence[ChatMessage], **kwargs: Any
    ) -> ChatResponseAsyncGen:
        return self._conversation.areplies(messages)

    def complete(
        self, prompt: str, image_documents: list[ImageNode | ImageBlock], **kwargs: Any
    ) -> CompletionResponse:
        return _completion(self._conversation.reply(_message(prompt, image_documents)))

    def stream_complete(
        self, prompt: str, image_documents: list[ImageNode | ImageBlock], **kwargs: Any
    ) -> CompletionResponseGen:
        return _completions(self._conversation.replies(_message(prompt, image_documents)))

    async def acomplete(
        self, prompt: str, image_documents: list[ImageNode | ImageBlock], **kwargs: Any
    ) -> CompletionResponse:
        return _completion(await self._conversation.areply(_message(prompt, image_documents)))

    async def astream_complete(
        self, prompt: str, image_documents: list[ImageNode | ImageBlock], **kwargs: Any
    ) -> CompletionResponseAsyncGen:
        return _acompletions(self._conversation.areplies(_message(prompt, image_documents)))


_completion = chat_response_to_completion_response
_completions = stream_chat_response_to_completion_response
_acompletions = astream_chat_response_to_completion_response


def _question(messages: Sequence[ChatMessage]) -> str | None:
    """The last user message's words; None, a wish for a description, if it has none."""
    last = next((m for m in reversed(messages) if m.role == "user"), None)
    words = " ".join(b.text for b in last.blocks if isinstance(b, TextBlock)) if last else ""
    return words if words.strip() else None


def _source(block: ImageBlock) -> Path | bytes:
    """The image's file, or its bytes; nothing is fetched from a network."""
    if block.path:
        return Path(block.path)
    if block.url and not str(block.url).startswith("data:"):
        raise BadImageError(f"{block.url} is not fetched; give the image as a path or bytes")
    try:
        data: bytes = block.resolve_image().read()
    except ValueError as error:
        raise BadImageError(f"the image block holds no image ({error}); give a path") from error
    return data


def _message(
    prompt: str, image_documents: Sequence[ImageNode | ImageBlock] = (), **kwargs: Any
) -> list[ChatMessage]:
    blocks: list[ImageBlock | TextBlock] = [
        image_node_to_image_block(i) if isinstance(i, ImageNode) else i for i in image_documents
    ]
    return [ChatMessage(role="user", blocks=[*blocks, TextBlock(text=prompt)])]


def _response(text: str, delta: str) -> ChatResponse:
    return ChatResponse(message=ChatMessage(role="assistant", content=text), delta=delta)


def _sizes(model: PaliGemma) -> dict[str, Any]:
    return {
        "model_name": model.name,
        "context_window": model.context_window,
        "num_output": model.max_new_tokens,
    }
