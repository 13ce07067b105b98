"""A small HTTP server that takes notices, as ntfy, Gotify and webhooks do."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any


@dataclass(frozen=True, slots=True, kw_only=True)
class Received:
    """One request as it came."""

    path: str
    headers: Mapping[str, str]
    body: Mapping[str, Any]


@dataclass(slots=True, kw_only=True)
class NoticeReceiver:
    """Where it listens, and what it was sent; ``status`` is what it answers with."""

    host: str
    received: list[Received] = field(default_factory=list)
    status: int = 200


@contextmanager
def notice_receiver() -> Iterator[NoticeReceiver]:
    """Listening until the end; a redirect leads to the receiver itself."""
    receiver = NoticeReceiver(host="")

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            length = int(self.headers["Content-Length"])
            body = json.loads(self.rfile.read(length))
            told = Received(path=self.path, headers=dict(self.headers), body=body)
            receiver.received.append(told)
            self.send_response(receiver.status)
            self.send_header("Location", "/elsewhere")
            self.send_header("Content-Length", "0")
            self.end_headers()

        def log_message(self, *_: object) -> None:
            """Say nothing."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    receiver.host = f"127.0.0.1:{server.server_port}"
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield receiver
    finally:
        server.shutdown()
        server.server_close()
        thread.join(timeout=5)
