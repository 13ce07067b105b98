"""One gRPC health check (``grpc.health.v1.Health/Check``) in the bytes of HTTP/2 (RFC 9113, 7541).

Without grpc's own client: that one starts threads, and the supervisor, who forks, has to have none
of those; it also takes 20 MB.
"""

from __future__ import annotations

import asyncio

_DATA, _HEADERS, _RST_STREAM, _SETTINGS, _GOAWAY = 0x0, 0x1, 0x3, 0x4, 0x7
_END_STREAM, _END_HEADERS = 0x1, 0x4
_HEAD_BYTES = 9


async def health_check_answered(port: int) -> bool:
    """Whether who listens on this port of the loopback answers, whatever it says.

    Only who serves a call sends data; what the library under it sends by itself says nothing. Waits
    as long as it takes.

    Raises: ``OSError`` or ``IncompleteReadError`` where nobody listens or the connection ends.
    """
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    try:
        writer.write(_health_check())
        while True:
            head = await reader.readexactly(_HEAD_BYTES)
            await reader.readexactly(int.from_bytes(head[:3]))
            if head[3] in {_DATA, _RST_STREAM, _GOAWAY}:
                return head[3] == _DATA
    finally:
        writer.close()


def _health_check() -> bytes:
    """A whole connection: preface, settings, and one call that asks about the server itself."""
    headers = b"".join(
        (
            b"\x83\x86",  # :method POST, :scheme http
            b"\x04" + _text(b"/grpc.health.v1.Health/Check"),
            b"\x01" + _text(b"127.0.0.1"),
            b"\x0f\x10" + _text(b"application/grpc"),  # content-type
            b"\x00" + _text(b"te") + _text(b"trailers"),
        )
    )
    empty_message = bytes(5)
    return (
        b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"
        + _frame(_SETTINGS, flags=0, stream=0)
        + _frame(_HEADERS, flags=_END_HEADERS, stream=1, payload=headers)
        + _frame(_DATA, flags=_END_STREAM, stream=1, payload=empty_message)
    )


def _text(value: bytes) -> bytes:
    return bytes([len(value)]) + value


def _frame(kind: int, *, flags: int, stream: int, payload: bytes = b"") -> bytes:
    return len(payload).to_bytes(3) + bytes([kind, flags]) + stream.to_bytes(4) + payload
