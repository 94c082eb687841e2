"""A scan over HTTP: an NDJSON stream that is resumed by cursor wherever it is cut."""

import time
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
from urllib.parse import urlencode

from tailrace.client.exchange import Address, Exchange
from tailrace.client.problems import to_error
from tailrace.client.records import Control, Gap, Stalled, parse_lines
from tailrace.client.resumed import SILENCE_SECONDS, TICK_SECONDS, Resumed
from tailrace.client.topics import ends_of
from tailrace.core.cursors import Cursor, Position, TopicCursor
from tailrace.core.errors import BrokerUnavailable, Unavailable
from tailrace.core.records import Record
from tailrace.core.scans import Batch, Missing, Progress, RecordBatch, ScanRequest, Waiting
from tailrace.core.starts import Moment, parse_start
from tailrace.protocol.produce_lines import LineBuffer

# A reading that is to end gives up when nothing could be reached for so long.
GIVE_UP_SECONDS = 60.0
LONGEST_LINE = 64 << 20
# Reasons for which a gateway ends a stream that has all it was asked for.
_FINISHED = frozenset({"to", "limit", "idle"})

Place = tuple[str, int]


class GatewayScan:
    """Reads what a request asks for; the first connection is made when it is made.

    Raises what the gateway answers; later, what may pass is waited out.

    Args:
        address: the gateway.
        request: what to read.
        filter_: an expression that only the wanted records fulfil, which the gateway applies.
    """

    def __init__(self, address: Address, request: ScanRequest, filter_: str | None = None) -> None:
        self._address = address
        self._request = request
        self._filter = filter_
        self._stop = _fixed(request.stop)
        # A cursor to stop at may lie ahead of the end, and is waited for.
        self._ends_soon = bool(self._stop) and not isinstance(parse_start(self._stop or "", 0), Cursor)
        self._left = request.limit
        self._next: dict[Place, int] = {}
        self._undecided: dict[Place, Position] = {}
        self._tags: dict[str, str | None] = {}
        self._started: dict[Place, int] | None = None
        self._ends: dict[Place, int] | None = None
        self._done = False
        self._stream = Resumed(self._open, self._read, done=lambda: self._done, gives_up=self._gives_up)

    def cursor(self) -> Cursor:
        """Where to go on after the last event handed out."""
        topics: dict[str, dict[int, Position]] = {name: {} for name in self._tags}
        for (topic, partition), position in self._undecided.items():
            topics[topic][partition] = position
        for (topic, partition), offset in self._next.items():
            topics.setdefault(topic, {})[partition] = Position(offset)
        return Cursor({name: TopicCursor(found, self._tags.get(name)) for name, found in topics.items()})

    def progress(self) -> Progress:
        """How far it is, in offsets."""
        started = self._started or {}
        done = sum(offset - started.get(place, 0) for place, offset in self._next.items())
        if self._stop != "end" or self._started is None:
            return Progress(done, None)
        if self._ends is None:
            self._ends = ends_of(self._address, self._request.topics)
        total = sum(max(0, end - started.get(place, 0)) for place, end in self._ends.items())
        if not total:
            return Progress(done, None)
        return Progress(done, total if self._left is None else min(total, done + self._left))

    def events(self) -> Iterator[Batch | Missing | Waiting | None]:
        """What comes, until the stop or the limit."""
        return self._stream.events()

    def _gives_up(self, error: Unavailable, seconds: float) -> bool:
        # The gateway itself has waited for Kafka before it says that it is away.
        final = isinstance(error, BrokerUnavailable) or seconds > GIVE_UP_SECONDS
        return final and self._stop is not None

    def _open(self) -> Exchange:
        request = self._request
        start = str(self.cursor()) if self._tags else request.start
        query = [*(("topic", topic) for topic in request.topics), ("from", start)]
        if self._stop is not None:
            query.append(("to", self._stop))
        if self._filter is not None:
            query.append(("filter", self._filter))
        # Of other partitions' records the gateway knows not that they don't count.
        if self._left is not None and request.partitions is None:
            query.append(("limit", str(self._left)))
        target = f"/v1/stream?{urlencode(query)}"
        exchange = Exchange(self._address, "GET", target, {"Accept": "application/x-ndjson"})
        try:
            head = exchange.wait_head()
        except BaseException:
            exchange.close()
            raise
        if head.status == 204:
            self._done = True
        elif "tailrace-cursor" in head.headers and not self._tags:
            self._move_to(head.headers["tailrace-cursor"])
        return exchange

    def _read(self, exchange: Exchange) -> Iterator[Batch | Missing | Waiting | None]:
        lines = LineBuffer(LONGEST_LINE)
        heard = time.monotonic()
        at, waited = self._sum(), 0.0
        while not self._done:
            asked = time.monotonic()
            data = exchange.read(TICK_SECONDS)
            waited = waited + time.monotonic() - asked if self._sum() == at else 0.0
            at = self._sum()
            self._check_stuck(waited)
            if data:
                heard = time.monotonic()
            elif exchange.ended or time.monotonic() - heard > SILENCE_SECONDS:
                raise Unavailable(f"The stream from {self._address} was cut; going on from the cursor.")
            else:
                yield None
            for part in parse_lines(lines.feed(data).split(b"\n")) if data else ():
                event = self._obey(part) if isinstance(part, Control) else self._keep(part)
                if event is not None:
                    yield event
                if self._done:
                    return

    def _sum(self) -> int:
        return sum(self._next.values())

    def _check_stuck(self, waited: float) -> None:
        # Heartbeats come also from a gateway whose Kafka is gone.
        if waited > GIVE_UP_SECONDS and self._ends_soon:
            raise BrokerUnavailable(
                f"Nothing new came from {self._address} for {GIVE_UP_SECONDS:.0f} s.",
                hint="Go on from the cursor (--save-cursor) when Kafka answers the gateway again.",
            )

    def _keep(self, records: Sequence[Record]) -> Batch | None:
        """Those that are wanted and new; moves the positions past them."""
        wanted, places = self._request.partitions, self._next
        kept = []
        for record in records:
            place = (record.topic, record.partition)
            if record.offset < places.get(place, 0):
                continue
            places[place] = record.offset + 1
            if wanted is None or record.partition in wanted:
                kept.append(record)
                if len(kept) == self._left:
                    self._done = True
                    break
        if self._left is not None:
            self._left -= len(kept)
        return RecordBatch(kept) if kept else None

    def _obey(self, control: Control) -> Missing | Waiting | None:
        if control.cursor is not None:
            self._move_to(control.cursor)
        elif control.gap is not None:
            return self._gap(control.gap)
        elif control.stalled is not None:
            return self._stalled(control.stalled)
        elif control.error is not None:
            error = to_error(control.error)
            if control.error.retry in {"same", "after"}:
                raise Unavailable(error.detail, cause=error.cause)
            raise error
        elif control.end is not None:
            if control.end.cursor:
                self._move_to(control.end.cursor)
            self._done = control.end.reason in _FINISHED
        return None

    def _stalled(self, stalled: Stalled) -> Waiting:
        if stalled.reason == "broker_unavailable" and self._stop is not None:
            raise BrokerUnavailable(
                f"The gateway at {self._address} cannot reach Kafka.",
                hint="Check that Kafka runs where the gateway looks for it (kafka.brokers).",
            )
        return Waiting(_why(stalled))

    def _gap(self, gap: Gap) -> Missing | None:
        if gap.cursor:
            self._move_to(gap.cursor)
        wanted = self._request.partitions
        if wanted is not None and gap.partition not in wanted:
            return None
        return Missing(gap.topic, gap.partition, gap.start, gap.stop, gap.cause)

    def _move_to(self, text: str) -> None:
        for name, topic in Cursor.parse(text).topics.items():
            self._tags[name] = topic.tag
            for partition, position in topic.positions.items():
                if position.timestamp is None:
                    self._next[name, partition] = position.offset
                    self._undecided.pop((name, partition), None)
                else:
                    self._undecided[name, partition] = position
        if self._started is None:
            self._started = dict(self._next)


def _why(stalled: Stalled) -> str:
    if stalled.reason == "broker_unavailable":
        return "the gateway cannot reach Kafka"
    if stalled.reason:
        return f"the gateway waits: {stalled.reason}"
    return f"an open transaction holds back records of {stalled.topic}"


def _fixed(stop: str | None) -> str | None:
    """A stop that a later connection reads in the same way: "15 minutes ago" moves on."""
    if stop is None:
        return None
    parsed = parse_start(stop, time.time_ns() // 1_000_000)
    if not isinstance(parsed, Moment):
        return stop
    return datetime.fromtimestamp(parsed.timestamp / 1000, UTC).isoformat(timespec="milliseconds")
