"""The only wiring: settings in, ready parts out.

`open_assistant` brings up everything a question needs; the smaller openers serve the commands that
need less (ingest a folder, describe a file, list the library). What is slow and independent
(Postgres, PaliGemma, the text encoder) comes up side by side. Nothing here decides anything.
"""

from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from functools import partial
from typing import TYPE_CHECKING

from agent.settings import Settings
from tools.errors import BadInputError
from tools.protocols import TextEncoder, VisionModel

if TYPE_CHECKING:
    from agent.assistant import Assistant
    from agent.paligemma import PaliGemma
    from agent.router import Planner
    from agent.text_model import TextModel
    from tools.library_encoder import LibraryEncoder
    from tools.measure_image import Measurer
    from tools.reranking import Reranker
    from tools.store import Store

Progress = Callable[[str], None]
ROUTING_ENCODER = "minilm"  # whose cosines the router's and the answer's thresholds are set by


def quiet(_: str) -> None:
    """Tell nobody."""


@contextmanager
def open_store(settings: Settings, *, progress: Progress = quiet) -> "Iterator[Store]":
    """The library's database, migrated: the one of `database_url`, or the embedded one.

    Raises StoreUnavailableError where it cannot be reached, MigrationError where its schema is not
    ours. The embedded server stops with its last user.
    """
    from tools.postgres import EmbeddedPostgres
    from tools.store import Store

    with ExitStack() as stack:
        url = settings.database_url.get_secret_value()
        progress("Connecting to the database" if url else "Starting the embedded database")
        if not url:
            embedded = EmbeddedPostgres(settings.data_folder() / "postgres")
            url = stack.enter_context(embedded).url
        store = stack.enter_context(Store(url))
        store.migrate()
        yield store


def open_model(settings: Settings, *, progress: Progress = quiet) -> "PaliGemma":
    """The vision-language model; ModelUnavailableError says what to accept, log in to or fix."""
    progress(f"Loading the model {settings.model}")
    from agent.paligemma import load_paligemma

    return load_paligemma(
        settings.model,
        revision=settings.model_revision,
        adapter=settings.adapter,
        device=settings.device,
        dtype=settings.dtype,
        max_new_tokens=settings.max_new_tokens,
        abstain=settings.abstain,
    )


def open_measurer(settings: Settings) -> "Measurer":
    """What measures beside the model; ModelUnavailableError where its segmenter is missing."""
    from tools.measure.segmenters import open_segmenter
    from tools.measure_image import Measurer

    folder, segmenter = settings.data_folder() / "overlays", open_segmenter(settings.segmenter)
    return Measurer(folder, settings.pixel_size_um, segmenter)


def open_encoder(settings: Settings, *, progress: Progress = quiet) -> TextEncoder:
    """The sentence encoder of the literature search and the router."""
    progress(f"Loading the text encoder {settings.text_encoder}")
    from tools.embedders import load_text_encoder

    device = "cpu" if settings.device == "auto" else settings.device
    return load_text_encoder(settings.text_encoder, device)


def open_reranker(
    settings: Settings, store: "Store", *, progress: Progress = quiet
) -> "Reranker | None":
    """What ranks the first passages again; ModelUnavailableError for a missing cross-encoder."""
    if settings.reranker == "off":
        return None
    if settings.reranker == "linear":
        from tools.reranking import LinearReranker

        return LinearReranker(store)
    progress(f"Loading the re-ranker {settings.reranker}")
    from tools.cross_encoder import load_cross_encoder

    device = "cpu" if settings.device == "auto" else settings.device
    return load_cross_encoder(settings.reranker, store, device)


def library_encoder(
    settings: Settings, store: "Store", known: Mapping[str, TextEncoder] | None = None
) -> "LibraryEncoder":
    """What embeds queries and passages of this library; `known` are loaded already, by name."""
    from tools.embedders import load_text_encoder
    from tools.library_encoder import LibraryEncoder

    device = "cpu" if settings.device == "auto" else settings.device

    def load(name: str) -> TextEncoder:
        return (known or {}).get(name) or load_text_encoder(name, device)

    return LibraryEncoder(store, settings.text_encoder, load)


def open_assistant(settings: Settings, *, progress: Progress = quiet) -> "Assistant":
    """Everything a question needs, until `close()`. Errors are those of the openers above."""
    from agent.assistant import Assistant
    from agent.llm import PaliGemmaLLM
    from agent.tracing import open_tracing

    with ExitStack() as stack:
        store, model, encoder = _load(stack, settings, progress)
        search_by = library_encoder(settings, store, {ROUTING_ENCODER: encoder})
        if settings.starter_library:
            _fill_starter(store, model, search_by(), settings, progress)
        assistant = Assistant(
            settings,
            store,
            model,
            encoder,
            llm=PaliGemmaLLM(model),
            tracer=open_tracing(settings, save=store.save_trace),
            rewriter=open_text_model(settings),
            router=partial(open_router, settings),
            measurer=open_measurer(settings),
            on_feedback=_open_delivery(stack, store, settings),
            library_encoder=search_by,
            reranker=open_reranker(settings, store, progress=progress),
            resources=stack.pop_all(),
        )
    progress("Ready")
    return assistant


def _open_delivery(stack: ExitStack, store: "Store", settings: Settings) -> Callable[[], None]:
    """Send scores in the background if Langfuse's keys are set; the call that wakes it."""
    if not (settings.langfuse_public_key and settings.langfuse_secret_key):
        return lambda: None
    from agent.delivery import Delivery
    from agent.score_api import ScoreApi

    api = stack.enter_context(ScoreApi(settings))
    return stack.enter_context(Delivery(store, api.post)).wake


def open_router(settings: Settings, encoder: TextEncoder) -> "Planner":
    """Who plans turns; BadInputError where it shall be a text model and none is named."""
    from agent.router import Router

    if settings.router == "head":
        return Router(encoder)
    if not settings.text_model:
        raise BadInputError("CYTOSCRIBE_ROUTER=text-model needs CYTOSCRIBE_TEXT_MODEL")
    from agent.llm_router import LLMRouter

    key = settings.text_model_key
    secret = key.get_secret_value() if key else None
    return LLMRouter(settings.text_model, settings.text_model_url, secret, Router(encoder))


def open_text_model(settings: Settings) -> "TextModel | None":
    """The text model that the settings name; None where they name none. Contacts nobody."""
    if not settings.text_model:
        return None
    from agent.text_model import TextModel

    key = settings.text_model_key
    return TextModel(
        settings.text_model, settings.text_model_url, key.get_secret_value() if key else None
    )


def _load(
    stack: ExitStack, settings: Settings, progress: Progress
) -> "tuple[Store, PaliGemma, TextEncoder]":
    """Models load while Postgres starts: the first answer comes sooner.

    One after the other: transformers' lazy imports fail when two threads race through them.
    """
    with ThreadPoolExecutor(1, thread_name_prefix="cytoscribe-load") as pool:
        model = pool.submit(open_model, settings, progress=progress)
        routing = settings.model_copy(update={"text_encoder": ROUTING_ENCODER})
        encoder = pool.submit(open_encoder, routing, progress=progress)
        store = stack.enter_context(open_store(settings, progress=progress))
        return store, model.result(), encoder.result()


def _fill_starter(
    store: "Store", model: VisionModel, encoder: TextEncoder, settings: Settings, progress: Progress
) -> None:
    from tools.starter import fill_starter_library

    fill_starter_library(store, model, encoder, settings.data_folder() / "starter", progress)
