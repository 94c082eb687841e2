"""`GET /v1/stream`: NDJSON, server-sent events or bare values, as the client wants it."""

import asyncio
import contextlib
import logging
import time
from collections.abc import Callable, Coroutine, Sequence
from dataclasses import dataclass

from tailrace.core.cursors import Cursor, TopicCursor, valid_topic_name
from tailrace.core.errors import (
    BadCursor,
    BadRequest,
    BrokerUnavailable,
    Internal,
    NotAcceptable,
    Stopping,
    TailraceError,
)
from tailrace.core.formats import Format
from tailrace.core.gaps import place_before
from tailrace.core.hub import Hub
from tailrace.core.locate import TopicStart
from tailrace.core.routes import KEY, Match
from tailrace.core.selection import Selection
from tailrace.core.starts import END, Moment, Start, parse_start
from tailrace.core.subscription import Subscription
from tailrace.core.tally import Tally
from tailrace.protocol.filters import parse_filter
from tailrace.protocol.framing import bare, chunked
from tailrace.protocol.ndjson import NdjsonFormat, ValuesFormat
from tailrace.protocol.parameters import Value
from tailrace.protocol.sse import RETRY_MS, SseRecordFormat, SseWriteFormat
from tailrace.transports.accept import accepted
from tailrace.transports.gateway import Answer, Call, Gateway
from tailrace.transports.sink import HttpSink

_log = logging.getLogger("tailrace.http")

# With more partitions a cursor on each record costs more than the records.
ID_PER_RECORD_PARTITIONS = 8
# An EventSource gives up for good at a 5xx, so a stream opens even when no broker answers in this time.
LOCATE_SECONDS = 3.0
LOCATE_AGAIN_SECONDS = 1.0
# A question that hangs is asked anew.
LOCATE_LATER_SECONDS = 30.0

_MEDIA = {
    "application/x-ndjson": "ndjson",
    "application/*": "ndjson",
    "*/*": "ndjson",
    "text/event-stream": "sse",
    "text/*": "sse",
}
_CONTENT_TYPES = {
    "ndjson": b"application/x-ndjson",
    "sse": b"text/event-stream; charset=utf-8",
    "value": b"application/octet-stream",
}
# One object per form and framing: readers that share it share their bytes.
_NDJSON = {True: NdjsonFormat(chunked), False: NdjsonFormat(bare)}
_VALUES = {True: ValuesFormat(chunked), False: ValuesFormat(bare)}
_SSE_WRITE = {True: SseWriteFormat(chunked), False: SseWriteFormat(bare)}
_SSE_RECORD = {True: SseRecordFormat(chunked), False: SseRecordFormat(bare)}


@dataclass(frozen=True, slots=True)
class StreamRequest:
    """What a client asked for."""

    topics: Sequence[str]
    start: Start
    asked_ms: int
    to: Start | None
    limit: int | None
    idle: float | None
    form: str
    selection: Selection

    @property
    def start_later(self) -> Start:
        """Where it starts once a broker can say so: what was the end at the call is a moment by then."""
        return Moment(self.asked_ms) if self.start == END else self.start


class Streams:
    """The handler of the stream route.

    Args:
        hub: what is watched.
        spawn: runs a coroutine to its end.
    """

    def __init__(
        self, hub: Hub, spawn: Callable[[Coroutine[object, object, None]], asyncio.Task[None]]
    ) -> None:
        self._hub = hub
        self._spawn = spawn

    async def __call__(self, gateway: Gateway, call: Call) -> Answer | None:
        """Open a stream; its records go to the connection by themselves from then on."""
        request = _read(gateway, call)
        starts = await self._locate_soon(request)
        if starts is not None:
            if request.form == "sse" and _past_end(starts):
                # Only this keeps an EventSource from coming again for ever.
                return Answer(status=204)
            _check_cursor_size(request, starts, gateway.settings.limits.cursor)
        longest = gateway.settings.limits.cursor
        cursor = self._awaiting(request, longest) if starts is None else _cursor(request.form, starts)
        headers = _headers(call, request, starts, cursor, longest)
        sink: HttpSink | None = call.scope["tailrace.open_stream"](200, headers)
        if sink is None:
            return None
        subscription = self._begin(request, starts, sink, gateway.tallies[request.form], cursor)
        if gateway.stopping:
            # It came while the stream was located.
            subscription.end("stopping")
        return None

    def _awaiting(self, request: StreamRequest, longest: int) -> str:
        """The cursor to come back with while no broker says more, as far as there is one."""
        start = request.start_later
        found = self._hub.cursor_at(request.topics, start.timestamp) if isinstance(start, Moment) else start
        text = str(found) if isinstance(found, Cursor) else ""
        return text if request.form == "ndjson" or len(text) <= longest else ""

    async def _locate_soon(self, request: StreamRequest) -> Sequence[TopicStart] | None:
        try:
            async with asyncio.timeout(LOCATE_SECONDS):
                return await self._hub.locate(request.topics, request.start, request.to)
        except (BrokerUnavailable, TimeoutError):
            return None
        except Stopping:
            # The goodbye says it to an EventSource; after a 503 it would never come again.
            if request.form != "sse":
                raise
            return None

    def _begin(
        self,
        request: StreamRequest,
        starts: Sequence[TopicStart] | None,
        sink: HttpSink,
        tally: Tally,
        cursor: str,
    ) -> Subscription:
        per_record = starts is not None and _id_per_record(starts)
        form = _format(request.form, per_record=per_record, is_chunked=sink.chunked)
        subscription = self._hub.stream(
            sink,
            form,
            tally=tally,
            limit=request.limit,
            idle=request.idle,
        )
        sink.on_drain = subscription.wake
        sink.on_close = subscription.close
        if request.form == "sse":
            frame = chunked if sink.chunked else bare
            sink.write(frame(b"retry: %d\n\n" % RETRY_MS))
        if starts is None:
            if cursor and (told := form.cursor(cursor)):
                sink.write(form.frame(told))
            self._begin_later(request, subscription, sink)
        else:
            self._hub.begin(subscription, starts, request.selection)
            # The cursor to come back with, also where no record comes for a while.
            subscription.heartbeat()
        return subscription

    def _begin_later(self, request: StreamRequest, subscription: Subscription, sink: HttpSink) -> None:
        locating = self._spawn(self._locate_later(request, subscription))

        def left() -> None:
            locating.cancel()
            subscription.close()

        sink.on_close = left

    async def _locate_later(self, request: StreamRequest, subscription: Subscription) -> None:
        """The broker was away when the stream opened: begin as soon as it can say where."""
        try:
            while not subscription.ended:
                if (starts := await self._locate_in_time(request)) is not None:
                    self._hub.begin(subscription, starts, request.selection)
                    subscription.heartbeat()
                    return
                await asyncio.sleep(LOCATE_AGAIN_SECONDS)
        except TailraceError as error:
            subscription.fail(error)
        except Exception as error:  # noqa: BLE001 - nobody awaits this, and the client has to be told
            _log.exception("A stream could not begin.")
            subscription.fail(Internal("The stream could not begin.", cause=type(error).__name__))

    async def _locate_in_time(self, request: StreamRequest) -> Sequence[TopicStart] | None:
        with contextlib.suppress(BrokerUnavailable, TimeoutError):
            async with asyncio.timeout(LOCATE_LATER_SECONDS):
                return await self._hub.locate(request.topics, request.start_later, request.to)
        return None


def _read(gateway: Gateway, call: Call) -> StreamRequest:
    values = call.parameters
    topics = values["topic"]
    assert isinstance(topics, tuple)
    _check_topics(topics, gateway.settings.limits.subscriptions)
    now_ms = int(time.time() * 1000)
    last_event_id = call.headers.get(b"last-event-id", b"")
    if len(last_event_id) > gateway.settings.limits.cursor:
        raise BadCursor(f"A cursor in a header has at most {gateway.settings.limits.cursor} bytes.")
    # An EventSource repeats its whole address when it comes back, so the header is the newer one.
    text = last_event_id.decode("latin-1") or str(values["from"])
    limit, idle, to = values["limit"], values["idle"], values["to"]
    return StreamRequest(
        topics=list(dict.fromkeys(topics)),
        start=parse_start(text, now_ms),
        asked_ms=now_ms,
        to=parse_start(str(to), now_ms) if to is not None else None,
        limit=limit if isinstance(limit, int) else None,
        idle=float(idle) if isinstance(idle, float | int) else None,
        form=str(values["format"]) if values["format"] else _accepted(call.headers.get(b"accept", b"")),
        selection=Selection(match=_match(values["key"], values["filter"]), counted=limit is not None),
    )


def _match(key: Value, filter_: Value) -> Match | None:
    if key is not None and filter_ is not None:
        raise BadRequest("A stream has one filter.", hint='Leave out key=, or write filter=key == "…".')
    if filter_ is not None:
        return parse_filter(str(filter_))
    return None if key is None else Match(KEY, str(key).encode())


def _check_topics(topics: Sequence[str], most: int) -> None:
    if len(topics) > most:
        raise BadRequest(f"A connection reads at most {most} topics.", hint="Open a second one.")
    for topic in topics:
        if not valid_topic_name(topic):
            raise BadRequest(f"{topic[:80]!r} is no topic name.")


def _accepted(accept: bytes) -> str:
    """The first of the accepted media types, by weight, that can be given; none named means NDJSON."""
    if not accept.strip():
        return "ndjson"
    choices = list(accepted(accept, _MEDIA))
    if not choices:
        raise NotAcceptable(
            "A stream can't be given in any of the accepted media types.",
            hint="Accept application/x-ndjson or text/event-stream, or say format=ndjson, sse or value.",
        )
    return _MEDIA[min(choices)[2]]


def _past_end(starts: Sequence[TopicStart]) -> bool:
    """Whether nothing is left to tell: no record, and no gap."""
    return all(
        start.to is not None
        and not start.gaps
        and all(start.positions.get(p, 0) >= end for p, end in start.to.items())
        for start in starts
    )


def _cursor(form: str, starts: Sequence[TopicStart]) -> str:
    """The cursor from which all that the stream brings can be had again."""
    topics: dict[str, TopicCursor] = {}
    for start in starts:
        # Bare values can't tell a gap: who comes back with the cursor from before it would be cut for ever.
        untold = () if form == "value" else start.gaps
        tag, positions = place_before(untold, start.tag, start.positions)
        topics[start.feed.topic] = TopicCursor.at(positions, tag)
    return str(Cursor(topics))


def _check_cursor_size(request: StreamRequest, starts: Sequence[TopicStart], most: int) -> None:
    """NDJSON tells any cursor in its body; the others have only a header or an id for it."""
    if request.form != "ndjson" and len(_cursor(request.form, starts)) > most:
        place = "an event's id" if request.form == "sse" else "a header"
        raise BadRequest(
            f"The cursor of these topics is longer than the {most} bytes that {place} may have.",
            hint="Ask for format=ndjson, or for fewer topics.",
        )


def _id_per_record(starts: Sequence[TopicStart]) -> bool:
    return len(starts) == 1 and starts[0].feed.partitions <= ID_PER_RECORD_PARTITIONS


def _headers(
    call: Call,
    request: StreamRequest,
    starts: Sequence[TopicStart] | None,
    cursor: str,
    longest_cursor: int,
) -> list[tuple[bytes, bytes]]:
    headers = [(b"content-type", _CONTENT_TYPES[request.form]), (b"x-accel-buffering", b"no")]
    headers += call.response_headers
    if cursor and len(cursor) <= longest_cursor:
        headers.append((b"tailrace-cursor", cursor.encode()))
    if request.form == "sse":
        per_record = starts is not None and _id_per_record(starts)
        headers.append((b"tailrace-id", b"record" if per_record else b"write"))
    return headers


def _format(form: str, *, per_record: bool, is_chunked: bool) -> Format:
    if form == "ndjson":
        return _NDJSON[is_chunked]
    if form == "value":
        return _VALUES[is_chunked]
    return (_SSE_RECORD if per_record else _SSE_WRITE)[is_chunked]
