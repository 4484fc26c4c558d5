"""A Langfuse server for tests: on this machine only, keeps what it is sent, can misbehave.

Spans arrive as OTLP protobuf and are decoded; scores as JSON, a list of them (SDK 5) or ingestion
events (SDK 4).
"""

import gzip
import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import (
    ExportTraceServiceRequest,
    ExportTraceServiceResponse,
)

ERRORS = {"fail": 500, "keys": 401, "invalid": 400}


@dataclass
class Recorder:
    """What was received; `mode` is answer, hang (no reply until closed) or one of ERRORS.

    `scores` come one by one; `lists_only` refuses those that do not come in a list.
    """

    mode: str = "answer"
    lists_only: bool = False
    seconds: float = 0.0  # that an answer takes
    url: str = ""
    spans: list[dict[str, Any]] = field(default_factory=list)
    scores: list[dict[str, Any]] = field(default_factory=list)
    items: list[dict[str, Any]] = field(default_factory=list)  # of data sets
    media: list[bytes] = field(default_factory=list)  # as uploaded
    raw: bytes = b""  # everything else, as it came
    closed: threading.Event = field(default_factory=threading.Event)

    def take(self, path: str, body: bytes) -> tuple[int, bytes]:
        self.raw += b"" if path.startswith("/upload/") else body
        hangs = self.mode == "hang"
        self.closed.wait(None if hangs else self.seconds)
        if hangs or self.mode != "answer":
            return ERRORS.get(self.mode, 500), b'{"message": "as it was told"}'
        if path.endswith("/otel/v1/traces"):
            self.spans += _decode(body)
            return 200, ExportTraceServiceResponse().SerializeToString()
        if path.startswith("/upload/"):
            self.media.append(body)
            return 200, b""
        sent = json.loads(body or b"{}")
        if path.endswith("/media"):
            name = sent["sha256Hash"].replace("/", "_").replace("+", "-")[:22]
            told = {"mediaId": name, "uploadUrl": f"{self.url}/upload/{name}"}
            return 201, json.dumps(told).encode()
        if path.endswith("/ingestion"):
            self.scores += [event["body"] for event in sent["batch"]]
            done = [{"id": event["id"], "status": 201} for event in sent["batch"]]
            return 207, json.dumps({"successes": done, "errors": []}).encode()
        if path.endswith(("/datasets", "/dataset-items", "/dataset-run-items")):
            self.items += [sent] if path.endswith("/dataset-items") else []
            return 200, json.dumps(_stored(sent)).encode()
        if isinstance(sent, list):
            self.scores += sent
            return 202, b'{"message": "Accepted"}'
        if self.lists_only:
            return 400, b'{"message": "Invalid request data: expected array"}'
        self.scores.append(sent)
        return 200, json.dumps({"id": sent["id"]}).encode()


@contextmanager
def langfuse_recorder(mode: str = "answer") -> Iterator[Recorder]:
    recorder = Recorder(mode)
    server = ThreadingHTTPServer(("127.0.0.1", 0), _handler(recorder))
    server.daemon_threads = True
    server.block_on_close = False
    threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True).start()
    recorder.url = f"http://127.0.0.1:{server.server_port}"
    try:
        yield recorder
    finally:
        recorder.closed.set()
        server.shutdown()
        server.server_close()


def _handler(recorder: Recorder) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            status = 200 if recorder.mode == "answer" else ERRORS.get(recorder.mode, 500)
            self.answer(status, b'{"data": []}')

        def do_POST(self) -> None:
            body = self.rfile.read(self.length())
            if self.headers["Content-Encoding"] == "gzip":
                body = gzip.decompress(body)
            self.answer(*recorder.take(self.path, body))

        def do_PUT(self) -> None:
            self.answer(*recorder.take(self.path, self.rfile.read(self.length())))

        def do_PATCH(self) -> None:
            self.rfile.read(self.length())
            self.answer(204, b"")

        def length(self) -> int:
            return int(self.headers["Content-Length"] or 0)

        def answer(self, status: int, body: bytes) -> None:
            self.send_response(status)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, format: str, *args: Any) -> None:
            pass

    return Handler


def _stored(sent: dict[str, Any]) -> dict[str, Any]:
    """A data set, an item of one or of a run (SDK 4), as the server answers that it has it."""
    now = "2026-01-01T00:00:00Z"
    made = {"id": "d1", "projectId": "p1", "createdAt": now, "updatedAt": now, "metadata": {},
            "datasetId": "d1", "status": "ACTIVE", "mediaReferences": [],
            "datasetRunId": "r1", "datasetRunName": sent.get("runName")}  # fmt: skip
    return made | {key: value for key, value in sent.items() if value is not None}


def _decode(body: bytes) -> list[dict[str, Any]]:
    request = ExportTraceServiceRequest.FromString(body)
    return [
        {
            "name": span.name,
            "trace": span.trace_id.hex(),
            "id": span.span_id.hex(),
            "parent": span.parent_span_id.hex(),
            "start": span.start_time_unix_nano,
            "end": span.end_time_unix_nano,
            "attributes": {a.key: _value(a.value) for a in span.attributes},
        }
        for resource in request.resource_spans
        for scope in resource.scope_spans
        for span in scope.spans
    ]


def _value(value: Any) -> Any:
    kind = value.WhichOneof("value")
    if kind == "array_value":
        return [_value(item) for item in value.array_value.values]
    return getattr(value, kind) if kind else None
