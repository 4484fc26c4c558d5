"""A judge that speaks OpenAI's protocol on this machine: says yes to all, garbage, or refuses."""

import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

YES = {"question": "What is a neutrophil?", "noncommittal": 0, "faithful": True, "relevant": True}


@dataclass
class FakeJudge:
    """`mode` is yes, garbage (no JSON) or refuse (401); `asked` are the requests."""

    mode: str = "yes"
    url: str = ""
    asked: list[dict[str, Any]] = field(default_factory=list)

    def reply(self, asked: dict[str, Any]) -> str:
        self.asked.append(asked)
        verdict = {"statement": "a", "reason": "", "verdict": 1}
        statements = [verdict] if '"verdict"' in json.dumps(asked).replace("\\", "") else ["a"]
        return json.dumps(YES | {"statements": statements}) if self.mode == "yes" else "Well …"


@contextmanager
def fake_judge(mode: str = "yes") -> Iterator[FakeJudge]:
    judge = FakeJudge(mode)

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            asked = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
            said = {"message": {"role": "assistant", "content": judge.reply(asked)}, "index": 0,
                    "finish_reason": "stop"}  # fmt: skip
            told = {"id": "1", "object": "chat.completion", "created": 0, "model": "judge",
                    "choices": [said]}  # fmt: skip
            body = json.dumps(told if judge.mode != "refuse" else {"error": "wrong key"}).encode()
            self.send_response(401 if judge.mode == "refuse" else 200)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, format: str, *args: Any) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    server.block_on_close = False
    threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True).start()
    judge.url = f"http://127.0.0.1:{server.server_port}/v1"
    try:
        yield judge
    finally:
        server.shutdown()
        server.server_close()
