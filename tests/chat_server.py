"""An OpenAI-compatible chat server on this machine that answers what a test says."""

import json
from collections.abc import Callable
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread
from typing import Any, Self


class ChatServer(ThreadingHTTPServer):
    """Answers each chat completion with the message that `reply` makes of the request."""

    def __init__(self, reply: Callable[[dict[str, Any]], str | dict[str, Any] | None]) -> None:
        super().__init__(("127.0.0.1", 0), _Chat)
        self.reply = reply

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_port}/v1"

    def __enter__(self) -> Self:
        Thread(target=self.serve_forever, daemon=True).start()
        return self

    def __exit__(self, *raised: object) -> None:
        self.shutdown()
        self.server_close()


class _Chat(BaseHTTPRequestHandler):
    server: ChatServer

    def do_POST(self) -> None:
        asked = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        said = self.server.reply(asked)
        message = said if isinstance(said, dict) else {"content": said}
        choice = {"index": 0, "finish_reason": "stop", "message": {"role": "assistant", **message}}
        told = {"id": "1", "object": "chat.completion", "created": 0, "model": "any"}
        body = json.dumps(told | {"choices": [choice]}).encode()
        self.send_response(200 if said is not None else 500)  # None: a server out of order
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *said: object) -> None:
        """Nothing on stderr."""
