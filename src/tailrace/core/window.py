"""The last records of a watched topic, in the order in which this process read them."""

import logging
from collections.abc import Callable, Hashable, Mapping, Sequence
from typing import NamedTuple

from tailrace.core.cursors import format_whole
from tailrace.core.formats import Format
from tailrace.core.records import Chunk
from tailrace.core.routes import Match, Route

_log = logging.getLogger("tailrace.window")

# What a row costs in the index of one route: a list, its slot, the value.
ROUTE_ROW_BYTES = 150
# Readers that go along the window from far behind take small entries together: as many as fit in one write.
SPAN_ENTRIES = 256
SPAN_BYTES = 192 * 1024
# Readers of one topic stand at few places of its window; the text of each is made once.
CURSOR_TEXTS = 64

CursorForm = Callable[[str, str, Mapping[int, int]], str]
"""Makes text of a topic, its tag and a place in it: a whole cursor, or the topic's part of one."""


class Payload(NamedTuple):
    """One framed write for all readers at one place; `stop` is where they stand after it."""

    data: bytes
    stop: int
    records: int


class Encoded:
    """One chunk's bytes in one format, and where its rows end (found when first asked)."""

    __slots__ = ("_chunk", "_ends", "_format", "data")

    def __init__(self, format_: Format, chunk: Chunk, data: bytes) -> None:
        self.data = data
        self._format = format_
        self._chunk = chunk
        self._ends: Sequence[int] | None = None

    def rows(self, start: int, stop: int) -> bytes | memoryview:
        """The bytes of rows `start` to `stop` (exclusive)."""
        if start == 0 and stop == len(self._chunk):
            return self.data
        if self._ends is None:
            self._ends = self._format.ends(self._chunk, self.data)
        return memoryview(self.data)[self._ends[start - 1] if start else 0 : self._ends[stop - 1]]


class Encodings:
    """A chunk and what was made of it: a cache that goes when the chunk goes."""

    __slots__ = ("_by_format", "_by_route", "chunk", "nbytes")

    def __init__(self, chunk: Chunk) -> None:
        self.chunk = chunk
        self.nbytes = chunk.nbytes
        self._by_format: dict[Format, Encoded] = {}
        self._by_route: dict[Route, dict[Hashable, list[int]]] = {}

    def encoded(self, format_: Format, tag: str, before: Mapping[int, int]) -> Encoded:
        """The chunk in a format, made once for all its readers."""
        found = self._by_format.get(format_)
        if found is None:
            found = Encoded(format_, self.chunk, format_.records(self.chunk, tag, before))
            self._by_format[format_] = found
            self.nbytes += len(found.data)
        return found

    def values(self, route: Route) -> Mapping[Hashable, Sequence[int]]:
        """Every value that a route has in the chunk, with its rows; found once for all filters."""
        by_value = self._by_route.get(route)
        if by_value is None:
            by_value = {}
            for row, value in enumerate(_extract(route, self.chunk)):
                by_value.setdefault(value, []).append(row)
            self._by_route[route] = by_value
            self.nbytes += ROUTE_ROW_BYTES * len(self.chunk)
        return by_value

    def rows(self, match: Match) -> Sequence[int]:
        """The rows that a filter lets through, ascending."""
        return self.values(match.route).get(match.value, ())


def _extract(route: Route, chunk: Chunk) -> Sequence[Hashable]:
    try:
        return route.extract(chunk)
    except Exception:  # noqa: BLE001 - one client's filter must not keep records from all the others
        _log.exception(
            "The route %s failed on %d records of %r; none match.", route.name, len(chunk), chunk.topic
        )
        return ()


class Entry(Encodings):
    """A chunk in a window: `before` are the topic's positions just before it; never changed."""

    __slots__ = ("before",)

    def __init__(self, chunk: Chunk, before: Mapping[int, int]) -> None:
        super().__init__(chunk)
        self.before = before


class Span:
    """Small entries that follow each other, up to the entry `stop` (exclusive), written as one."""

    __slots__ = ("_by_format", "nbytes", "stop")

    def __init__(self, stop: int) -> None:
        self.stop = stop
        self.nbytes = 0
        self._by_format: dict[Format, Payload] = {}

    def payload(self, format_: Format, make: Callable[[], Payload]) -> Payload:
        """What is written of it in a format, made once for all that come by."""
        found = self._by_format.get(format_)
        if found is None:
            found = self._by_format[format_] = make()
            self.nbytes += len(found.data)
        return found


class Window:
    """A bounded run of entries, numbered on from `base`; the oldest go first.

    Args:
        tag: the topic's tag.
        positions: where the tail source starts to read, for every partition.
        limit: bytes of records and their encodings to hold.
    """

    def __init__(self, tag: str, positions: Mapping[int, int], limit: int) -> None:
        self.tag = tag
        self.base = 0
        self.tip = 0
        # Replaced, never changed: readers hold on to it.
        self.positions: Mapping[int, int] = dict(positions)
        self.nbytes = 0
        self._limit = limit
        self._entries: dict[int, Entry] = {}
        self._spans: dict[int, Span] = {}
        # How many entries the next span has so far, and their bytes.
        self._gathered = 0
        self._gathered_bytes = 0
        self._cursor_texts: dict[tuple[CursorForm, int], str] = {}

    def append(self, chunk: Chunk) -> Entry:
        """Take the next chunk and let go of what is beyond the bound."""
        entry = Entry(chunk, self.positions)
        self._gather(entry)
        self._entries[self.tip] = entry
        self.tip += 1
        self.positions = {**self.positions, **chunk.next_positions()}
        self.nbytes += entry.nbytes
        if self.nbytes > self._limit:
            self.trim(self._limit * 7 // 8)
        return entry

    def _gather(self, entry: Entry) -> None:
        """Count the entry that is about to be the newest one to a span; it may be the first of the next."""
        gathered, nbytes = self._gathered, self._gathered_bytes + entry.nbytes
        if gathered == SPAN_ENTRIES or (gathered and nbytes > SPAN_BYTES):
            if gathered > 1 and self.tip - gathered >= self.base:
                self._spans[self.tip - gathered] = Span(self.tip)
            gathered, nbytes = 0, entry.nbytes
        self._gathered, self._gathered_bytes = gathered + 1, nbytes

    def weigh(self) -> None:
        """Count the bytes held, with what was made of the records since; within the window's own bound."""
        self.trim(self._limit)

    def trim(self, limit: int) -> None:
        """Let the oldest entries go until at most `limit` bytes are held; the newest one stays."""
        self.nbytes = sum(entry.nbytes for entry in self._entries.values())
        self.nbytes += sum(span.nbytes for span in self._spans.values())
        while self.nbytes > limit and self.tip - self.base > 1:
            self.nbytes -= self._entries.pop(self.base).nbytes
            if span := self._spans.pop(self.base, None):
                self.nbytes -= span.nbytes
            self.base += 1

    def entry(self, seq: int) -> Entry:
        """An entry by its number, between `base` and `tip`."""
        return self._entries[seq]

    def span(self, seq: int) -> Span | None:
        """The entries from `seq` on as one, where a span begins with it."""
        return self._spans.get(seq)

    def positions_at(self, seq: int) -> Mapping[int, int]:
        """Where a reader stands that has read everything before the entry `seq`."""
        return self.positions if seq == self.tip else self._entries[seq].before

    def add_partitions(self, count: int) -> None:
        """The topic has grown to `count` partitions; the tail reads the new ones from their start."""
        self.positions = {**dict.fromkeys(range(count), 0), **self.positions}
        self._cursor_texts.clear()

    def cursor_text(self, topic: str, seq: int, form: CursorForm = format_whole) -> str:
        """The cursor of a reader that has read everything before `seq`, or the topic's part of it."""
        text = self._cursor_texts.get((form, seq))
        if text is None:
            if len(self._cursor_texts) >= CURSOR_TEXTS:
                self._cursor_texts.clear()
            text = self._cursor_texts[form, seq] = form(topic, self.tag, self.positions_at(seq))
        return text

    def locate(self, positions: Mapping[int, int], owed: frozenset[int] = frozenset()) -> int | None:
        """The last entry up to which a reader has missed nothing; None when it is behind the window.

        `owed` partitions can't be read at present and hold nobody back.
        """
        places = [(p, offset) for p, offset in positions.items() if p not in owed]

        def reached(seq: int) -> bool:
            there = self.positions_at(seq)
            return all(there.get(p, 0) <= offset for p, offset in places)

        return self._last(reached) if reached(self.base) else None

    def passed(self, positions: Mapping[int, int]) -> int:
        """The entry from which on a reader at these positions wants everything; the tip if none is there."""

        def before(seq: int) -> bool:
            there = self.positions_at(seq)
            return any(there.get(p, 0) < offset for p, offset in positions.items())

        return min(self._last(before) + 1, self.tip) if before(self.base) else self.base

    def _last(self, holds: Callable[[int], bool]) -> int:
        """The last entry for which something holds, that does at `base`, and from some entry on no more."""
        low, high = self.base, self.tip
        while low < high:
            middle = (low + high + 1) // 2
            if holds(middle):
                low = middle
            else:
                high = middle - 1
        return low
