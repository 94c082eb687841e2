"""One endless body of shared bytes to many clients, through ASGI's `send` and straight to the transport.

All clients get the same bytes, flat out, once the last of them is there; nothing but its own connection holds
each up.
"""

import asyncio

from starlette.types import ASGIApp, Receive, Scope, Send

from benchmarks.values import stamped
from tailrace.transports.connection import HttpSink

PAYLOAD_BYTES = 64 * 1024
# The load generator counts values, so a payload holds one, at its end.
_VALUE = stamped(0) + b"\n"
PAYLOAD = b" " * (PAYLOAD_BYTES - len(_VALUE)) + _VALUE
CHUNK = b"%x\r\n%b\r\n" % (len(PAYLOAD), PAYLOAD)
# Not every server sends a head before there is a body.
FIRST = b"\n"
HEADERS = [(b"content-type", b"application/x-ndjson")]


def through_asgi(clients: int, count: int) -> ASGIApp:
    """The body as ASGI messages."""
    joined, complete = 0, asyncio.Event()

    async def application(scope: Scope, receive: Receive, send: Send) -> None:  # noqa: ARG001  # ASGI's form
        nonlocal joined
        await send({"type": "http.response.start", "status": 200, "headers": HEADERS})
        await send({"type": "http.response.body", "body": FIRST, "more_body": True})
        joined += 1
        if joined == clients:
            complete.set()
        await complete.wait()
        for _ in range(count):
            await send({"type": "http.response.body", "body": PAYLOAD, "more_body": True})
        await send({"type": "http.response.body", "body": b""})

    return application


class _Body:
    """What one client has to get yet."""

    def __init__(self, sink: HttpSink, count: int) -> None:
        self.sink, self.left = sink, count
        sink.on_drain = self.write

    def write(self) -> None:
        while self.left and not self.sink.blocked and not self.sink.closed:
            self.left -= 1
            self.sink.write(CHUNK)
        if not self.left:
            self.sink.finish()


def through_connection(clients: int, count: int) -> ASGIApp:
    """The body as chunks that our own connection writes, framed once for all clients."""
    bodies: list[_Body] = []

    async def application(scope: Scope, receive: Receive, send: Send) -> None:  # noqa: ARG001  # ASGI's form
        sink = scope["tailrace.open_stream"](200, HEADERS)
        sink.write(b"%x\r\n%b\r\n" % (len(FIRST), FIRST))
        bodies.append(_Body(sink, count))
        if len(bodies) == clients:
            for body in bodies:
                body.write()

    return application
