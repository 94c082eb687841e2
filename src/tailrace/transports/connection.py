"""Our HTTP connection under the server: what the server leaves unbounded has bounds here.

Measured: the server never closes a silent or dribbling socket and takes headers of any size. And streams
write shared bytes straight to the transport: through ASGI the same fan-out is four times slower.
"""

import asyncio
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

import httptools
import msgspec
from uvicorn._types import ASGI3Application
from uvicorn.config import Config
from uvicorn.protocols.http.httptools_impl import STATUS_LINE, HttpToolsProtocol, RequestResponseCycle
from uvicorn.server import ServerState

from tailrace.core.errors import BadRequest, HeadersTooLarge, RequestTimeout, TailraceError
from tailrace.transports.flow import Flow
from tailrace.transports.idle import IdleConnections
from tailrace.transports.overload import overloaded
from tailrace.transports.sink import HttpSink
from tailrace.transports.unsent import Unsent

# What a refused client still sends is thrown away for so long.
LINGER_SECONDS = 1.0
# A server's buffer for ordinary responses; a stream has none, so that it knows what has left.
_ORDINARY_HIGH_WATER = 64 * 1024
# Requests are parsed from so many bytes at a time, so that no more than two hundred wait behind one.
_PIECE_BYTES = 8 * 1024
_SINGLE = (b"host", b"authorization", b"origin")


@dataclass(frozen=True, slots=True)
class ConnectionBounds:
    """Seconds and bytes that a client may take, and how many connections all of them."""

    header_seconds: float
    header_bytes: int
    header_count: int
    stalled_write_seconds: float
    connections: int


class Connection(HttpToolsProtocol):
    """One client's connection."""

    flow: Flow

    def __init__(
        self,
        config: Config,
        server_state: ServerState,
        app_state: dict[str, Any],
        _loop: asyncio.AbstractEventLoop | None = None,
        *,
        bounds: ConnectionBounds,
        idle: IdleConnections,
    ) -> None:
        super().__init__(config, server_state, app_state, _loop)
        self._bounds = bounds
        self._idle = idle
        self._sink: HttpSink | None = None
        self._served: RequestResponseCycle | None = None
        self._head_since: float | None = None
        # Of whole headers and the address, and of what came behind the last of them.
        self._head_bytes = 0
        self._head_rest = 0
        self._head_moved = False
        # From the end of a request's headers to the end of its body.
        self._body_open = False
        self._upgrades = False
        self._left_over_since: float | None = None
        self._refusal: TailraceError | None = None
        self._held = b""
        self._last_request = False
        # Whether an answer has to leave before the next request has its turn.
        self._unread = False
        self._unsent = Unsent()

    # -- requests

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """A client has connected; its header block is awaited."""
        super().connection_made(transport)
        self.flow = Flow(transport)
        self._head_since = self.loop.time()
        if self._is_above:
            # Who waits for nothing makes room; its client expects that of a connection kept alive.
            idle = self._idle.take(self.connections, self.loop.time())
            if idle is not None:
                idle.make_room()

    def make_room(self) -> None:
        """Close for another one, which is counted instead at once: its request may come before our end."""
        if not self.transport.get_write_buffer_size():
            self.connections.discard(self)
        self.transport.close()

    @property
    def _is_above(self) -> bool:
        """Whether the server has more connections than it serves."""
        return len(self.connections) > self._bounds.connections

    def data_received(self, data: bytes) -> None:
        """Take requests, within bounds; behind a stream that has not ended, hold what comes."""
        if self._sink is not None:
            self._hold(data)
            return
        self._unset_keepalive_if_required()
        self._take(data)

    def _take(self, data: bytes) -> None:
        """Parse what there is, as long as no request waits for another one's answer."""
        start = 0
        while start < len(data) and not self._last_request and not self.pipeline:
            self._parse(data[start : start + _PIECE_BYTES])
            start += _PIECE_BYTES
        if self.pipeline:
            # No more than what was read at once, since no more is read.
            self._held += data[start:]
            self.flow.let_wait()

    def _parse(self, data: bytes) -> None:
        self._head_moved = False
        try:
            self.parser.feed_data(data)
        except httptools.HttpParserUpgrade:
            self._upgrade()
            return
        except httptools.HttpParserError:
            hint = "Send HTTP/1.1; http:// and https:// have different ports."
            self._refuse(self._refusal or BadRequest("This is no HTTP/1.1 request.", hint=hint))
            return
        if self._head_since is None and not self._body_open and not self._answering:
            # Blank lines between requests: the next one has begun, as far as its deadline goes.
            self._head_since = self.loop.time()
        if self._head_since is not None and not self._head_moved:
            self._head_rest += len(data)
            if self._head_bytes + self._head_rest > self._bounds.header_bytes:
                self._refuse(_headers_too_large(self._bounds))

    @property
    def _answering(self) -> bool:
        """Whether a response has not come to its end, or keeps the next one waiting."""
        unanswered = self.cycle is not None and not self.cycle.response_complete
        return unanswered or self._sink is not None or self._unread

    def _upgrade(self) -> None:
        # The parser has stopped.
        self._last_request = True
        if self._should_upgrade():
            self._head_since = None
            self.handle_websocket_upgrade()
            return
        # Clients that would like HTTP/2 ask so by the way; the answer is HTTP/1.1.
        self.cycle.keep_alive = False

    def _hold(self, data: bytes) -> None:
        self._held += data
        if len(self._held) > self._bounds.header_bytes:
            self.transport.abort()

    def on_message_begin(self) -> None:
        """A request starts."""
        super().on_message_begin()
        self._head_bytes = self._head_rest = 0
        self._head_moved = True
        if self._head_since is None:
            self._head_since = self.loop.time()

    def on_url(self, url: bytes) -> None:
        """A piece of the address, counted."""
        super().on_url(url)
        self._count(len(url))

    def on_header(self, name: bytes, value: bytes) -> None:
        """One header, counted; a trailer is none: it could replace what was checked on the way."""
        if not self._body_open:
            super().on_header(name, value)
        self._count(len(name) + len(value))

    def _count(self, nbytes: int) -> None:
        self._head_bytes += nbytes
        self._head_rest = 0
        self._head_moved = True
        bounds = self._bounds
        if self._head_bytes > bounds.header_bytes or len(self.headers) > bounds.header_count:
            self._refusal = _headers_too_large(bounds)
            raise ValueError("refused")

    def on_headers_complete(self) -> None:
        """The header block is whole."""
        self._head_since = None
        headers = dict(self.headers)
        if b"host" not in headers and self.parser.get_http_version() == "1.1":
            self._refusal = BadRequest("A request needs one Host header.")
            raise ValueError("refused")
        if len(headers) < len(self.headers):
            self._check_single()
        # Decided once: behind a request that is not answered its frames would stand in that one's answer.
        self._upgrades = False
        if self.parser.should_upgrade() and super()._should_upgrade():
            self._upgrades = not self._answering and not self._is_above
            if not self._upgrades:
                # An application that sees it would want the WebSocket.
                self.headers[:] = [header for header in self.headers if header[0] != b"upgrade"]
        self._body_open = True
        super().on_headers_complete()

    def _check_single(self) -> None:
        """Refuse two of what there is one of: two servers could each take another for the client's."""
        names = [name for name, _ in self.headers]
        for name in _SINGLE:
            if names.count(name) > 1:
                self._refusal = BadRequest(f"A request has only one {name.decode().title()} header.")
                raise ValueError("refused")

    def _should_upgrade(self) -> bool:
        return self._upgrades

    def on_message_complete(self) -> None:
        """The request is whole."""
        self._body_open = False
        super().on_message_complete()

    def _start_asgi_task(self, cycle: RequestResponseCycle, app: ASGI3Application) -> None:
        # Bound to the connection, not to the request: a request that holds itself waits for the collector,
        # and at thousands a second that stops everybody for tens of milliseconds.
        self._served = cycle
        cycle.scope["tailrace.open_stream"] = self._open_stream  # type: ignore[typeddict-unknown-key]
        cycle.scope["tailrace.answer"] = self._answer  # type: ignore[typeddict-unknown-key]
        cycle.scope["tailrace.cut"] = self._cut  # type: ignore[typeddict-unknown-key]
        super()._start_asgi_task(cycle, overloaded if self._is_above else app)  # type: ignore[arg-type]  # Starlette's names of the same types

    def on_response_complete(self) -> None:
        """A request is answered; the next one's turn comes when the client reads what it has."""
        if self.flow.write_paused:
            self._unread = True
            self.flow.let_wait()
            return
        self.server_state.total_requests += 1
        if self.transport.is_closing():
            return
        if self.pipeline:
            self._start_asgi_task(*self.pipeline.pop())
        if self.pipeline:
            return
        self.flow.requests_wait = False
        held, self._held = self._held, b""
        if held:
            self._take(held)
        self.flow.resume_reading()
        if self._head_since is None and not self._answering:
            self.timeout_keep_alive_task = self.loop.call_later(
                self.timeout_keep_alive, self.timeout_keep_alive_handler
            )

    def _refuse(self, error: TailraceError) -> None:
        """Answer what can't be parsed, and close: nothing after it can be trusted."""
        if self.transport.is_closing() or self._last_request:
            return
        self._last_request = True
        self._head_since = None
        if self._answering and (self.pipeline or not self._body_open or self.cycle.response_started):
            # It would be taken for the answer to the request before, or stand in the middle of one.
            self.transport.close()
            return
        body = msgspec.json.encode(error.problem())
        self.transport.write(
            b"%bcontent-type: application/problem+json\r\ncontent-length: %d\r\n"
            b"cache-control: no-store\r\nconnection: close\r\n\r\n%b"
            % (STATUS_LINE[error.status], len(body), body)
        )
        # To close with something unread would reset the connection, and take the answer away with it.
        if self.transport.can_write_eof():
            self.transport.write_eof()
        if self._answering:
            # Its application still waits for the body, and would answer as well.
            self.cycle.disconnected = True
            self.cycle.message_event.set()
        self.loop.call_later(LINGER_SECONDS, self.transport.close)

    def _answer(self, status: int, headers: Sequence[tuple[bytes, bytes]], body: bytes) -> None:
        """Send a whole response at once: through ASGI's two messages a small one takes twice as long."""
        cycle = self._served
        if cycle is None or cycle.disconnected or self._closes(cycle):
            return
        closes = (b"connection", b"close") in headers
        lines = [STATUS_LINE[status]]
        for name, value in (*self.server_state.default_headers, *headers):
            lines += (name, b": ", value, b"\r\n")
        head = b"".join(lines)
        if head.count(b"\n") != len(self.server_state.default_headers) + len(headers) + 1:
            raise RuntimeError("A header's value has a line break in it.")
        if not cycle.keep_alive and not closes:
            head += b"connection: close\r\n"
        cycle.response_started = cycle.response_complete = True
        self.transport.write(b"%b\r\n%b" % (head, b"" if cycle.scope["method"] == "HEAD" else body))
        cycle.message_event.set()
        if closes or not cycle.keep_alive:
            self.transport.close()
        cycle.on_response()

    def _closes(self, cycle: RequestResponseCycle) -> bool:
        # The server would log that there was no answer.
        cycle.disconnected = self.transport.is_closing()
        return cycle.disconnected

    def _cut(self) -> None:
        """End what is answered, without an answer."""
        if self._served is not None:
            self._served.disconnected = True
        self.transport.abort()

    def shutdown(self) -> None:
        """Take no further request: behind a goodbye it would get a 503, which ends an EventSource."""
        if self._sink is not None:
            self._sink.keep_connection = False
        else:
            super().shutdown()
            if self._body_open and self._answering:
                # Who waits for the rest of it learns that there is a stop.
                self.cycle.message_event.set()

    # -- streams

    def _open_stream(self, status: int, headers: Iterable[tuple[bytes, bytes]]) -> HttpSink | None:
        """Send the head of an endless response; None where the client has gone already."""
        cycle = self._served
        if cycle is None or cycle.disconnected or self._closes(cycle):
            return None
        chunked = cycle.scope["http_version"] != "1.0"
        head = [STATUS_LINE[status]]
        for name, value in (*self.server_state.default_headers, *headers):
            head += (name, b": ", value, b"\r\n")
        head.append(b"transfer-encoding: chunked\r\n\r\n" if chunked else b"connection: close\r\n\r\n")
        # The application is done with this response; from here on it is the sink's.
        cycle.response_started = cycle.response_complete = True
        sink = HttpSink(self, chunked=chunked, keep_connection=chunked and cycle.keep_alive)
        self._sink = sink
        self.transport.set_write_buffer_limits(high=0)
        sink.write(b"".join(head))
        return sink

    def stream_finished(self, *, keep: bool) -> None:
        """A stream has come to its end."""
        self._sink = None
        if not keep:
            self.transport.close()
            return
        self.transport.set_write_buffer_limits(high=_ORDINARY_HIGH_WATER)
        # Not the cycle's own callback: that is gone once the application has returned.
        self.on_response_complete()

    def pause_writing(self) -> None:
        """The last write has not left yet."""
        super().pause_writing()
        if self._sink is not None:
            self._sink.blocked = True

    def resume_writing(self) -> None:
        """All has left."""
        super().resume_writing()
        self._unsent.drained = True
        if self._unread:
            self._unread = False
            self.on_response_complete()
        elif self._sink is not None and self._sink.blocked:
            self._sink.blocked = False
            self._sink.on_drain()

    def connection_lost(self, exc: Exception | None) -> None:
        """The client is gone."""
        super().connection_lost(exc)
        # Also after an error, where the server forgets to.
        self._unset_keepalive_if_required()
        self.pipeline.clear()
        self._held = b""
        served, self._served, self._head_since = self._served, None, None
        if served is not None:
            # The server tells only the last request that it read.
            served.disconnected = True
            served.message_event.set()
        sink, self._sink = self._sink, None
        if sink is not None and not sink.closed:
            told = sink.on_close
            sink.close()
            told()

    # -- deadlines

    def check_deadlines(self, now: float) -> bool:
        """Close what has taken too long; answers whether it was a peer that reads nothing."""
        if self._answering:
            # The next request's deadline begins when this one is answered.
            self._head_since = now if self._head_since is not None else None
            self._left_over_since = None
        elif self._body_open:
            self._left_over_since = self._left_over_since or now
            if now - self._left_over_since > self._bounds.header_seconds:
                # Answered without its body, which goes on and on.
                self.transport.abort()
                return False
        elif self._head_since is not None and now - self._head_since > self._bounds.header_seconds:
            self._head_since = None
            self._refuse(RequestTimeout("The request's header block was not complete in time."))
            return False
        if self._unsent.stalled_seconds(self.transport, now) > self._bounds.stalled_write_seconds:
            # Its cursor is still good.
            self.transport.abort()
            return True
        return False


def _headers_too_large(bounds: ConnectionBounds) -> HeadersTooLarge:
    return HeadersTooLarge(
        f"A header block has at most {bounds.header_bytes} bytes and {bounds.header_count} headers here."
    )
