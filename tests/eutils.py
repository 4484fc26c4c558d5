"""A local server that answers like NCBI's esearch and efetch, and fails when told to."""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread
from time import monotonic
from urllib.parse import parse_qs

RECORD = """<PubmedArticle><MedlineCitation><PMID>{0}</PMID><Article>
<ArticleTitle>Title {0}.</ArticleTitle><Abstract><AbstractText>Abstract {0}.</AbstractText>
</Abstract></Article></MedlineCitation></PubmedArticle>"""


@dataclass
class EUtils:
    """What the server holds, what it was asked, and the failures to come (status, headers)."""

    pmids: list[str] = field(default_factory=lambda: [str(n) for n in range(1, 451)])
    asked: list[dict[str, str]] = field(default_factory=list)
    times: list[float] = field(default_factory=list)
    failures: list[tuple[int, dict[str, str]]] = field(default_factory=list)
    instead: bytes | None = None
    withheld: set[str] = field(default_factory=set)
    url: str = ""

    def answer(self, path: str, query: dict[str, str]) -> bytes:
        if self.instead is not None:
            return self.instead
        if path.endswith("esearch.fcgi"):
            found = self.pmids[: int(query["retmax"])]
            return json.dumps(
                {"esearchresult": {"count": str(len(self.pmids)), "idlist": found}}
            ).encode()
        given = [RECORD.format(p) for p in query["id"].split(",") if p not in self.withheld]
        return f"<PubmedArticleSet>{''.join(given)}</PubmedArticleSet>".encode()


@contextmanager
def serving() -> Iterator[EUtils]:
    """A running server on a free port."""
    state = EUtils()

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["content-length"])).decode()
            query = {name: values[0] for name, values in parse_qs(body).items()}
            state.asked.append(query)
            state.times.append(monotonic())
            status, headers = state.failures.pop(0) if state.failures else (200, {})
            self.send_response(status)
            for name, value in headers.items():
                self.send_header(name, value)
            self.end_headers()
            self.wfile.write(state.answer(self.path, query) if status == 200 else b"busy")

        def log_message(self, *_: object) -> None:
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        state.url = f"http://127.0.0.1:{server.server_address[1]}/eutils"
        Thread(target=server.serve_forever, daemon=True).start()
        yield state
        server.shutdown()
