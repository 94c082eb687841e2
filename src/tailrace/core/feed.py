"""A topic as this process watches it: its window, and the readers that wait for more of it."""

from collections.abc import Hashable, Iterable, Mapping, Sequence
from typing import Protocol

from tailrace.core.formats import Format
from tailrace.core.ports import TopicInfo
from tailrace.core.records import ROW_OVERHEAD_BYTES, Chunk, Run
from tailrace.core.routes import Match, Route
from tailrace.core.window import Payload, Window

# What live readers get in one write.
WRITE_BYTES = 256 * 1024
# An entry's records are written together: it stays well below one write.
ENTRY_BYTES = 96 * 1024
# Live readers stand at one of very few places; what is written from each is shared.
SHARED_PAYLOADS = 8


class Listener(Protocol):
    """A reader of a feed."""

    def reached(self, feed: "Feed", seq: int) -> None:
        """It waited at the tip; the entry `seq` is the first that holds something for it."""
        ...

    def leave_window(self, feed: "Feed") -> None:
        """The window is about to start anew: remember the place without it."""
        ...

    def recreated(self, feed: "Feed", old_tag: str) -> None:
        """The topic was made again: the feed starts over with a new window."""
        ...

    def deleted(self, feed: "Feed") -> None:
        """The topic is gone."""
        ...

    def lost(self, feed: "Feed", partition: int, resume_at: int, *, was_cut: bool) -> None:
        """The tail goes on elsewhere in a partition and the window starts anew."""
        ...

    def stalled(self, feed: "Feed", partition: int, offset: int) -> None:
        """An open transaction holds back a partition."""
        ...


class Feed:
    """One topic's window and its readers.

    Args:
        info: the topic.
        positions: where the tail starts to read it.
        window_bytes: the bound of its window.
    """

    def __init__(self, info: TopicInfo, positions: Mapping[int, int], window_bytes: int) -> None:
        self.topic = info.name
        self.partitions = info.partitions
        self.gone = False
        self.listeners: dict[Listener, None] = {}
        self._window_bytes = window_bytes
        self.window = Window(info.tag, positions, window_bytes)
        # By listener: one that comes again and again, for another topic's sake, waits once.
        self._waiting: dict[Listener, None] = {}
        self._matching: dict[Route, dict[Hashable, dict[Listener, None]]] = {}
        self._payloads: dict[tuple[Format, int], Payload] = {}

    # -- readers

    def add(self, listener: Listener, match: Match | None) -> None:
        """A reader joins."""
        self.listeners[listener] = None
        if match is not None:
            self._matching.setdefault(match.route, {}).setdefault(match.value, {})[listener] = None

    def remove(self, listener: Listener, match: Match | None) -> None:
        """A reader leaves."""
        self.listeners.pop(listener, None)
        self._waiting.pop(listener, None)
        if match is not None and (by_value := self._matching.get(match.route)):
            listeners = by_value.get(match.value, {})
            listeners.pop(listener, None)
            if not listeners:
                by_value.pop(match.value, None)
            if not by_value:
                del self._matching[match.route]

    def wait(self, listener: Listener) -> None:
        """A reader without a filter has come to the tip."""
        self._waiting[listener] = None

    # -- records

    def publish(self, chunk: Chunk) -> None:
        """Take what the tail source read, and wake who waits for it."""
        for part in _split(chunk):
            self._publish(part)

    def _publish(self, chunk: Chunk) -> None:
        seq = self.window.tip
        entry = self.window.append(chunk)
        if self._waiting:
            waiting, self._waiting = self._waiting, {}
            for listener in waiting:
                listener.reached(self, seq)
        for route, by_value in self._matching.items():
            for value in entry.values(route):
                for listener in by_value.get(value, ()):
                    listener.reached(self, seq)

    def payload(self, format_: Format, seq: int) -> Payload:
        """One write for all plain readers at `seq`."""
        span = self.window.span(seq)
        if span is not None:
            return span.payload(format_, lambda: self._make_payload(format_, seq, span.stop))
        found = self._payloads.get((format_, seq))
        if found is None:
            found = self._make_payload(format_, seq, self.window.tip)
            while len(self._payloads) >= SHARED_PAYLOADS:
                del self._payloads[next(iter(self._payloads))]
            self._payloads[format_, seq] = found
        return found

    def _make_payload(self, format_: Format, seq: int, stop: int) -> Payload:
        window = self.window
        pieces: list[bytes] = []
        left = WRITE_BYTES
        records = 0
        while seq < stop:
            entry = window.entry(seq)
            data = entry.encoded(format_, window.tag, entry.before).data
            if pieces and len(data) > left:
                break
            pieces.append(data)
            left -= len(data)
            records += len(entry.chunk)
            seq += 1
            if window.span(seq):
                # From there on everybody writes the same.
                break
        if not format_.cursor_in_records:
            pieces.append(format_.cursor(window.cursor_text(self.topic, seq)))
        return Payload(format_.frame(b"".join(pieces)), seq, records)

    # -- what it holds

    @property
    def nbytes(self) -> int:
        """Bytes of the window and of what was made of it, as of the last time that they were weighed."""
        if not self._payloads:
            return self.window.nbytes
        return self.window.nbytes + sum(len(payload.data) for payload in self._payloads.values())

    def weigh(self) -> None:
        """Count the bytes held, once the shared writes are let go that a quiet topic would keep for ever."""
        self._payloads.clear()
        self.window.weigh()

    def trim(self, limit: int) -> None:
        """Let the oldest records go until at most `limit` bytes are held."""
        self._payloads.clear()
        self.window.trim(limit)

    # -- what else can happen

    def recreate(self, info: TopicInfo, positions: Mapping[int, int]) -> None:
        """The topic was deleted and made again."""
        self.gone = False
        self.partitions = info.partitions
        old_tag = self.window.tag
        self._renew(info.tag, positions)
        for listener in list(self.listeners):
            listener.recreated(self, old_tag)

    def delete(self) -> None:
        """The topic is gone; it may come again."""
        self.gone = True
        for listener in list(self.listeners):
            listener.deleted(self)

    def lose(self, partition: int, resume_at: int) -> None:
        """The tail goes on elsewhere: the window starts anew, readers find out what they missed."""
        # Whoever reads a topic that is watched from its beginning may stand past the tail: nothing was cut.
        was_cut = resume_at <= self.window.positions.get(partition, 0)
        self._renew(self.window.tag, {**self.window.positions, partition: resume_at})
        for listener in list(self.listeners):
            listener.lost(self, partition, resume_at, was_cut=was_cut)

    def stall(self, partition: int, offset: int) -> None:
        """An open transaction holds back a partition."""
        for listener in list(self.listeners):
            listener.stalled(self, partition, offset)

    def grow(self, partitions: int) -> None:
        """The topic has more partitions; every reader reads them from their start."""
        self.partitions = partitions
        self.window.add_partitions(partitions)
        self._payloads.clear()

    def _renew(self, tag: str, positions: Mapping[int, int]) -> None:
        for listener in self.listeners:
            listener.leave_window(self)
        self.window = Window(tag, positions, self._window_bytes)
        self._payloads.clear()
        self._waiting.clear()


def _split(chunk: Chunk) -> Iterable[Chunk]:
    """The chunk in parts of at most ENTRY_BYTES, or of a single record."""
    if chunk.nbytes - len(chunk) * ROW_OVERHEAD_BYTES <= ENTRY_BYTES:
        return (chunk,)
    return _parts(chunk)


def _parts(chunk: Chunk) -> Sequence[Chunk]:
    parts: list[Chunk] = []
    for run in chunk.runs:
        start, size = run.start, 0
        for row in range(run.start, run.stop):
            length = chunk.row_bytes(row)
            if size and size + length > ENTRY_BYTES:
                parts.append(chunk.slice(Run(run.partition, start, row)))
                start, size = row, 0
            size += length
        parts.append(chunk.slice(Run(run.partition, start, run.stop)))
    return parts
