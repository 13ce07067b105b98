"""An ASGI app on a real port, and bytes sent to it as no well-behaved client would send them."""

from __future__ import annotations

import logging
import socket
import threading
import time
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass

import uvicorn
from starlette.types import ASGIApp

from vibe_pipeline.installation.bounded_requests import ImpatientProtocol
from vibe_pipeline.simulator.prompt_server import PromptServer

ANSWERED_WITHIN_SECONDS = 10.0


@dataclass(frozen=True, slots=True, kw_only=True)
class RawAnswer:
    """What came back until the server hung up."""

    status: int | None
    head: bytes
    body: bytes

    @property
    def whole(self) -> bytes:
        """Head and body."""
        return self.head + self.body


@contextmanager
def served(app: ASGIApp) -> Iterator[int]:
    """Production's way of serving an app, in a thread; gives the port."""
    config = uvicorn.Config(
        app, http=ImpatientProtocol, log_config=None, access_log=False, server_header=False
    )
    server = PromptServer(config)
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        listener.listen(128)
        thread = threading.Thread(target=server.run, kwargs={"sockets": [listener]}, daemon=True)
        thread.start()
        while not server.started:
            time.sleep(0.01)
        try:
            yield listener.getsockname()[1]
        finally:
            server.should_exit = True
            thread.join(10)


def written(
    method: bytes, target: bytes, headers: Iterable[tuple[bytes, bytes]] = (), body: bytes = b""
) -> bytes:
    """A request as bytes, after which the connection ends; ``headers`` may overrule the usual."""
    given = list(headers)
    names = {name.lower() for name, _ in given}
    usual = [(b"Host", b"127.0.0.1"), (b"Connection", b"close")]
    if body and not names & {b"content-length", b"transfer-encoding"}:
        usual.append((b"Content-Length", str(len(body)).encode()))
    lines = [pair for pair in usual if pair[0].lower() not in names] + given
    head = b"".join(name + b": " + value + b"\r\n" for name, value in lines)
    return method + b" " + target + b" HTTP/1.1\r\n" + head + b"\r\n" + body


def exchanged(port: int, request: bytes, *, all_said: bool = False) -> RawAnswer:
    """Send it, and read until the other side hangs up; ``all_said``: nothing more will come."""
    received, place = b"", ("127.0.0.1", port)
    with (
        socket.create_connection(place, ANSWERED_WITHIN_SECONDS) as connection,
        suppress(ConnectionError),
    ):
        connection.sendall(request)
        if all_said:
            with suppress(OSError):  # whoever hung up on us has no more to hear
                connection.shutdown(socket.SHUT_WR)
        while piece := connection.recv(65_536):
            received += piece
    head, _, body = received.partition(b"\r\n\r\n")
    words = head.split(b" ", 2)
    status = int(words[1]) if len(words) > 1 and words[1].isdigit() else None
    return RawAnswer(status=status, head=head, body=body)


def complaints(records: Iterable[logging.LogRecord]) -> list[str]:
    """What the server's own log says of errors, tracebacks foremost."""
    return [
        record.getMessage()
        for record in records
        if record.levelno >= logging.ERROR or record.exc_info is not None
    ]
