"""A stream's way out: the body of a response that ends when its stream does."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from tailrace.protocol.framing import LAST_CHUNK

if TYPE_CHECKING:
    from tailrace.transports.connection import Connection


def _nothing() -> None:
    """Nobody listens yet."""


class HttpSink:
    """The body of one endless response, written straight to the transport."""

    __slots__ = (
        "_connection", "blocked", "chunked", "closed", "keep_connection", "on_close", "on_drain",
    )  # fmt: skip

    def __init__(self, connection: Connection, *, chunked: bool, keep_connection: bool) -> None:
        self._connection = connection
        self.chunked = chunked
        self.keep_connection = keep_connection
        self.blocked = False
        self.closed = False
        self.on_drain: Callable[[], None] = _nothing
        self.on_close: Callable[[], None] = _nothing

    def write(self, data: bytes) -> None:
        """Send one framed write."""
        if not self.closed:
            self._connection.transport.write(data)

    def finish(self) -> None:
        """End the body; the connection can take the next request."""
        if not self.closed:
            if self.chunked:
                self.write(LAST_CHUNK)
            self.close()
            self._connection.stream_finished(keep=self.keep_connection)

    def close(self) -> None:
        """No more bytes; it and its stream know each other no more, or both would wait for the collector."""
        self.closed = True
        self.on_drain = self.on_close = _nothing

    def abort(self) -> None:
        """Break off, so that the client sees a body without its end."""
        if not self.closed:
            self._connection.transport.abort()
