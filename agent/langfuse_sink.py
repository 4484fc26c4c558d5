"""Langfuse as a listener: whole turns go to its server, on background threads, by short limits.

What a dead server does not take is dropped: the trace is in Postgres. Scores go another way
(`agent.delivery`). Images are never sent, but for thumbnails of similar
cases if a setting allows it. Works with the SDK from 4.18 to 5.
"""

import atexit
import json
import logging
import os
import re
import threading
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from opentelemetry.sdk.trace import TracerProvider

from agent.masking import Masker, langfuse_masker
from agent.settings import Settings
from agent.trace_reading import value_of

if TYPE_CHECKING:
    from langfuse import Langfuse
    from opentelemetry.sdk.trace.export import SpanExporter

SECONDS_TO_SEND = 2  # limit of one request; Langfuse's own default lets an exit take minutes
SECONDS_TO_CLOSE = 5  # what is unsent by then is dropped
SPANS_A_BATCH = 512
EXPORTER = "opentelemetry.exporter.otlp"  # loggers below it tell of each attempt to send
_log = logging.getLogger(__name__)
BASE64_IMAGE = re.compile(r"(?:data:image/[\w.+-]+;base64,)?[A-Za-z0-9+/_-]{512,}={0,2}")

# Attributes that tell of a turn, by how their names begin, and what `Masker` knows them as; "": by
# the last part of the name.
TOLD = {
    "langfuse.observation.input": "input",
    "langfuse.observation.output": "output",
    "langfuse.observation.status_message": "error",
    "langfuse.observation.metadata.": "",
    "input.": "input",
    "output.": "output",
    "llm.input_messages": "input",
    "llm.output_messages": "output",
    "embedding.embeddings": "input",
    "retrieval.": "output",
    "session.id": "session.id",
    "user.id": "user.id",
}


class LangfuseSink:
    """A client of Langfuse that adds its processor to `provider`."""

    def __init__(
        self,
        settings: Settings,
        provider: TracerProvider,
        exporter: "SpanExporter | None" = None,
    ) -> None:
        self._key = settings.langfuse_public_key or ""
        self._langfuse = _client(settings, provider, exporter)
        self._outage = _Outage(str(settings.langfuse_base_url))
        self._outage.listen()
        # Started now, because no thread can be started while the interpreter exits.
        self._closing = threading.Event()
        self._sender = threading.Thread(target=self._send_at_the_end, daemon=True)
        self._sender.start()
        atexit.register(self.close)  # goes before Langfuse's own hook, which has no limit

    def close(self) -> None:
        from langfuse._client.resource_manager import LangfuseResourceManager

        atexit.unregister(self.close)
        self._closing.set()
        self._sender.join(SECONDS_TO_CLOSE)
        # Langfuse keeps one client a key, shut down or not: forget it, so that the same key can
        # be used again in this process.
        LangfuseResourceManager._instances.pop(self._key, None)

    def _send_at_the_end(self) -> None:
        self._closing.wait()
        self._langfuse.shutdown()
        self._outage.leave()


class _Outage(logging.Filter):
    """One line of ours for all that the SDK logs about a server which takes nothing."""

    def __init__(self, url: str) -> None:
        super().__init__()
        self._url, self._told, self._loggers = url, False, list[logging.Logger]()

    def listen(self) -> None:
        """A filter of a logger does not see what those below it log: it is put on each."""
        names = [name for name in logging.root.manager.loggerDict if name.startswith(EXPORTER)]
        self._loggers = [logging.getLogger(name) for name in names]
        for logger in self._loggers:
            logger.addFilter(self)

    def leave(self) -> None:
        for logger in self._loggers:
            logger.removeFilter(self)

    def filter(self, record: logging.LogRecord) -> bool:
        """Whether the SDK's own words are shown: never, once ours are."""
        if record.levelno < logging.WARNING:
            return True
        if not self._told:
            self._told = True
            refused = record.getMessage() if "code" in str(record.msg) else ""
            problem = f"takes no traces ({refused})" if refused else "is not reachable"
            _log.warning("Langfuse at %s %s; traces wait in Postgres", self._url, problem)
        return False


def _client(
    settings: Settings, provider: TracerProvider, exporter: "SpanExporter | None"
) -> "Langfuse":
    from langfuse import Langfuse

    # The only switch there is.
    os.environ["LANGFUSE_MEDIA_UPLOAD_ENABLED"] = str(settings.langfuse_case_images).lower()
    secret = settings.langfuse_secret_key
    return Langfuse(
        public_key=settings.langfuse_public_key,
        secret_key=secret.get_secret_value() if secret else None,
        base_url=settings.langfuse_base_url,
        timeout=SECONDS_TO_SEND,
        flush_at=SPANS_A_BATCH,
        tracer_provider=provider,
        span_exporter=exporter,
        should_export_span=lambda span: True,  # `agent.whole_turns` has chosen
        mask_otel_spans=_Mask(langfuse_masker(settings)),
    )


@dataclass(frozen=True)
class _Mask:
    """What Langfuse's SDK asks before it sends: cut images out, and hide what the level hides."""

    masker: Masker

    def __call__(self, *, params: Any) -> Any:
        from langfuse.types import MaskOtelSpansResult, OtelSpanPatch

        patches = {}
        for identifier, span in params.spans.items():
            masked = {k: self._masked(k, v) for k, v in span.attributes.items()}
            if changed := {k: v for k, v in masked.items() if v != span.attributes[k]}:
                patches[identifier] = OtelSpanPatch(set_attributes=changed)
        return MaskOtelSpansResult(span_patches=patches) if patches else None

    def _masked(self, name: str, value: Any) -> Any:
        if not isinstance(value, str):
            return value
        text = BASE64_IMAGE.sub("[image]", value)
        told = next((TOLD[prefix] for prefix in TOLD if name.startswith(prefix)), None)
        if told is None or self.masker.level == "nothing":
            return text
        content = value_of(text)
        masked = self.masker(content, told or name.rpartition(".")[2])
        return masked if isinstance(content, str) else json.dumps(masked, ensure_ascii=False)
