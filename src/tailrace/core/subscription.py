"""One client's stream: its places in one or more topics, and the sink that its bytes go to."""

from collections.abc import Callable, Mapping, Sequence
from typing import Protocol

from tailrace.core.cursors import format_topic, join_topics
from tailrace.core.errors import TailraceError
from tailrace.core.feed import WRITE_BYTES, Feed
from tailrace.core.formats import Format
from tailrace.core.gaps import Gap
from tailrace.core.output import Output
from tailrace.core.partition_blocks import CachedBlock
from tailrace.core.place import Place
from tailrace.core.pump import Pump
from tailrace.core.tally import Tally
from tailrace.core.window import Payload


class Sink(Protocol):
    """Where bytes go. A write is always taken whole; `blocked` then says to wait until it has drained."""

    @property
    def blocked(self) -> bool:
        """Whether the last write has not left this process yet."""
        ...

    def write(self, data: bytes) -> None:
        """Send one framed write."""
        ...

    def finish(self) -> None:
        """End the stream so that the client knows it is whole."""
        ...

    def abort(self) -> None:
        """Break the stream off, so that the client knows it is not."""
        ...


class Subscription:
    """A stream of records to one sink, until it ends or its client leaves.

    Args:
        places: where it stands in each topic.
        format_: how records and events look.
        sink: where they go.
        pump: gives it its turns.
        tally: where its records count.
        clock: seconds, monotonic.
        limit: records after which it ends.
        idle: seconds without a record after which it ends.
        on_end: told once, when it is over, whoever ended it.
    """

    __slots__ = (
        "_beat_at", "_clock", "_events", "_format", "_idle", "_limit", "_on_end", "_parked", "_places",
        "_pump", "_sink", "_tally", "ended", "last_record", "live", "queued", "records", "wrote",
    )  # fmt: skip

    def __init__(
        self,
        *,
        format_: Format,
        sink: Sink,
        pump: Pump,
        tally: Tally,
        clock: Callable[[], float],
        limit: int | None = None,
        idle: float | None = None,
        on_end: Callable[["Subscription"], None] | None = None,
    ) -> None:
        self._places: Sequence[Place] = ()
        self._format = format_
        self._sink = sink
        self._pump = pump
        self._tally = tally
        tally.open += 1
        self._clock = clock
        self._limit = limit
        self._idle = idle
        self._on_end = on_end
        self._events: list[bytes] = []
        self._parked = False
        self.queued = False
        self.live = False
        self.ended = False
        self.wrote = False
        self.records = 0
        self.last_record = self._beat_at = clock()

    def start(self, places: Sequence[Place]) -> None:
        """Begin to read."""
        self._places = places
        self.last_record = self._clock()
        for place in places:
            place.feed.add(self, place.selection.match)
        self._pump.wake(self)

    def wake(self) -> None:
        """Something that was waited for has come."""
        self._pump.wake(self)

    def cursor_text(self) -> str:
        """Its whole cursor as of now."""
        places = self._places
        if self._parked:
            self._catch_up_parked()
        if len(places) == 1:
            return places[0].cursor_text()
        return join_topics(place.cursor_text(format_topic) for place in places)

    # -- turns

    def turn(self) -> bool:
        """Write what is next, once; answers whether there is more to do at once."""
        if self.ended or self._sink.blocked:
            return False
        self._parked = False
        places = self._places
        if len(places) == 1 and self._limit is None and not self._events:
            place = places[0]
            if place.selection.match is None and not place.gaps:
                if place.in_window:
                    return self._write_shared(place)
                if block := place.whole_block():
                    return self._write_block(place, block)
        return self._write_own()

    def _write_block(self, place: Place, block: CachedBlock) -> bool:
        self.live = False
        place.pass_block(block)
        self._write_payload(block.payload(self._format, place.feed.window.tag, place.cursor_text))
        return not self._sink.blocked

    def _write_shared(self, place: Place) -> bool:
        feed = place.feed
        if place.seq < feed.window.tip:
            payload = feed.payload(self._format, place.seq)
            self._write_payload(payload)
            place.go_to(payload.stop)
        if place.seq < feed.window.tip:
            return not self._sink.blocked
        self.live = True
        self._park()
        return False

    def _write_payload(self, payload: Payload) -> None:
        self._sink.write(payload.data)
        tally = self._tally
        tally.records += payload.records
        tally.nbytes += len(payload.data)
        self.wrote = True
        self.last_record = self._clock()

    def _write_own(self) -> bool:
        left = None if self._limit is None else self._limit - self.records
        out = Output(self._format, WRITE_BYTES, left, self.cursor_text)
        out.pieces += self._events
        self._events.clear()
        moved = False
        for place in self._places:
            if not out.full:
                moved |= place.take(out)
        if out.broken:
            self.break_off()
            return False
        self._write(out)
        if self._over():
            return False
        at_tip = all(place.at_tip for place in self._places)
        self.live = at_tip or (self.live and all(place.in_window for place in self._places))
        # Before it waits for the end that it was given it asks the log, in a turn of its own, where that is.
        waits = at_tip and not (moved and self._bounded)
        if waits or not (moved or out.pieces or out.full):
            self._park()
            return False
        return not self._sink.blocked

    def _write(self, out: Output) -> None:
        if out.records:
            self.records += out.records
            self._tally.records += out.records
            self.last_record = self._clock()
        if out.pieces:
            if not self._format.cursor_in_records:
                out.pieces.append(self._format.cursor(self.cursor_text()))
            data = self._format.frame(b"".join(out.pieces))
            self._tally.nbytes += len(data)
            self._tally.gaps.update(out.gaps)
            self._sink.write(data)
            self.wrote = True

    @property
    def _bounded(self) -> bool:
        return any(place.selection.to is not None for place in self._places)

    def _over(self) -> bool:
        if self._limit is not None and self.records >= self._limit:
            self.end("limit")
        elif self._places and all(place.finished for place in self._places):
            self.end("to")
        return self.ended

    def _park(self) -> None:
        self._parked = True
        for place in self._places:
            if place.selection.match is None:
                place.feed.wait(self)

    def _catch_up_parked(self) -> None:
        """Nothing came for it while it waited: it stands at the tip now."""
        for place in self._places:
            if place.selection.match is not None:
                place.pass_over(place.feed.window.tip)

    # -- what feeds tell

    def reached(self, feed: Feed, seq: int) -> None:
        """A new entry holds something for it."""
        if self._parked:
            self._parked = False
            for place in self._places:
                if place.selection.match is not None:
                    place.pass_over(seq if place.feed is feed else place.feed.window.tip)
        self._pump.wake(self)

    def leave_window(self, feed: Feed) -> None:
        """A window is about to start anew."""
        if self._parked:
            self._catch_up_parked()
            self._parked = False
        for place in self._on(feed):
            place.leave_window()

    def recreated(self, feed: Feed, old_tag: str) -> None:
        """A topic was made again: everything from its start, after a gap."""
        for place in self._on(feed):
            place.recreated(old_tag)
        self._pump.wake(self)

    def deleted(self, feed: Feed) -> None:
        """A topic is gone."""
        for place in self._on(feed):
            place.deleted()
        self._pump.wake(self)

    def lost(self, feed: Feed, partition: int, resume_at: int, *, was_cut: bool) -> None:
        """The tail goes on elsewhere; of a log that was cut, who stands past that place has to hear it."""
        for place in self._on(feed):
            offset = place.positions.get(partition)
            if was_cut and offset is not None and offset > resume_at:
                gap = Gap(partition, resume_at, offset, "truncated", repeats=True)
                place.restart({**place.positions, partition: resume_at}, [gap])
        self._pump.wake(self)

    def stalled(self, feed: Feed, partition: int, offset: int) -> None:
        """An open transaction holds back a partition."""
        if any(partition in place.positions for place in self._on(feed)):
            self.tell("stalled", {"topic": feed.topic, "partition": partition, "offset": offset})

    def _on(self, feed: Feed) -> list[Place]:
        return [place for place in self._places if place.feed is feed]

    # -- beside the records

    def tell(self, name: str, body: Mapping[str, object]) -> None:
        """Send an event with the next write; a format without events leaves it out."""
        data = self._format.event(name, body)
        if data is not None and not self.ended:
            self._events.append(data)
            self._pump.wake(self)

    def beat(self, now: float, seconds: float) -> None:
        """Give a sign of life if the last turn to do so is so many seconds ago."""
        if now - self._beat_at >= seconds and not self.ended:
            self._beat_at = now
            self.heartbeat()

    def heartbeat(self) -> None:
        """Tell the cursor where nothing else was written lately."""
        # A gap that waits is told at once, with a cursor of its own.
        untold = any(place.gaps for place in self._places)
        if not self.wrote and not self.ended and not self._sink.blocked and not untold:
            data = self._format.cursor(self.cursor_text()) if self._places else self._format.idle()
            if data:
                self._sink.write(self._format.frame(data))
        self.wrote = False

    def look(self, now: float) -> None:
        """Once in a while: end what is idle or has come to its end, go on where no record says so."""
        if self.idle_since(now):
            self.end("idle")
        elif self._parked and self._places:
            self._catch_up_parked()
            if not self._over() and any(place.look_again() for place in self._places):
                self._pump.wake(self)

    def idle_since(self, now: float) -> bool:
        """Whether it has waited for a record for longer than it wants to."""
        # Without places it waits for a broker that can say where it begins.
        if self._idle is None or (self._places and not self._parked):
            return False
        return now - self.last_record >= self._idle

    def end(self, reason: str, **more: object) -> None:
        """End the stream with its cursor."""
        self._finish("bye" if reason == "stopping" else "end", {"reason": reason}, more)

    def fail(self, error: TailraceError) -> None:
        """End the stream with an error."""
        self._finish("problem", error.problem(), {})

    def _finish(self, name: str, head: Mapping[str, object], tail: Mapping[str, object]) -> None:
        if self.ended:
            return
        out = Output(self._format, 0, None, self.cursor_text)
        for place in self._places:
            place.tell_gaps(out)
        # Its cursor stands behind the gaps.
        cursor = {"cursor": self.cursor_text()} if self._places else {}
        last = self._format.event(name, {**head, **cursor, **tail})
        if last is None or out.broken:
            self.break_off()
            return
        if data := b"".join([*out.pieces, last]):
            self._sink.write(self._format.frame(data))
        self._sink.finish()
        self.close()

    def break_off(self) -> None:
        """End it so that its client sees a stream without an end."""
        self._sink.abort()
        self.close()

    def close(self) -> None:
        """Its client is gone, or it has ended."""
        if self.ended:
            return
        self.ended = True
        self._tally.open -= 1
        for place in self._places:
            place.feed.remove(self, place.selection.match)
            place.restart({}, ())
        # A place knows its stream: together they would wait for the collector.
        self._places = ()
        if self._on_end is not None:
            self._on_end(self)
