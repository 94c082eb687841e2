"""Everything that is watched: feeds by topic, and the streams that read them."""

import asyncio
import logging
from collections.abc import Callable, Coroutine, Mapping, Sequence
from dataclasses import dataclass

from tailrace.core.blocks import BlockCache
from tailrace.core.cursors import Cursor, Position, TopicCursor
from tailrace.core.errors import BadCursor, Stopping, TailraceError, TopicNotFound
from tailrace.core.feed import Feed
from tailrace.core.formats import Format
from tailrace.core.gaps import Gap, lost_gap, recreated_gaps
from tailrace.core.last import last_positions
from tailrace.core.place import Place, Selection
from tailrace.core.ports import LogReader, TailListener, TailSource, TopicInfo
from tailrace.core.pump import Pump
from tailrace.core.records import Chunk
from tailrace.core.shared_calls import SharedCalls
from tailrace.core.starts import BEGINNING, Last, Moment, Start
from tailrace.core.subscription import Sink, Subscription
from tailrace.core.tally import Tally

_log = logging.getLogger("tailrace.hub")

LOOK_SECONDS = 1.0
# How many topics are asked about in one question.
LOOK_TOPICS = 50
# A topic that nobody reads any more is watched for a while, for the next one or the same one again.
UNWATCHED_AFTER_SECONDS = 30.0
# A describe may fail to find a topic for a moment while brokers change; deleted is what stays away.
MISSING_LOOKS = 2


@dataclass(frozen=True, slots=True)
class Limits:
    """What the hub may hold, and how often it gives a sign of life."""

    memory_bytes: int = 256 * 1024 * 1024
    window_bytes: int = 16 * 1024 * 1024
    heartbeat_seconds: float = 15.0


@dataclass(frozen=True, slots=True)
class TopicStart:
    """Where to begin in one topic, and what can no longer be had of it."""

    feed: Feed
    tag: str
    positions: Mapping[int, int]
    gaps: Sequence[Gap] = ()
    to: Mapping[int, int] | None = None


@dataclass(slots=True)
class _Watched:
    feed: Feed
    unused_since: float | None = None
    missing: int = 0


class Hub:
    """Opens streams on topics; watches each topic once however many streams read it.

    Args:
        reader: the log, for questions and for the past.
        tail: makes the source of what is new, given who listens to it.
        limits: bounds.
        call_soon: runs a function in the loop's next round.
        clock: seconds, monotonic.
        spawn: runs a coroutine to its end.
    """

    def __init__(
        self,
        reader: LogReader,
        tail: Callable[[TailListener], TailSource],
        limits: Limits,
        *,
        call_soon: Callable[[Callable[[], None]], object],
        clock: Callable[[], float],
        spawn: Callable[[Coroutine[object, object, None]], object],
    ) -> None:
        self.reader = reader
        self.streams: dict[Subscription, None] = {}
        self.records_read = 0
        self._tail = tail(self)
        self._limits = limits
        self._clock = clock
        self._pump = Pump(call_soon, clock)
        self._blocks = BlockCache(reader, limits.memory_bytes // 2, spawn)
        self._watched: dict[str, _Watched] = {}
        self._opening = SharedCalls[str, Feed](self._open_feed, spawn)
        self._earliest = SharedCalls[str, Mapping[int, int]](reader.earliest, spawn)
        self._latest = SharedCalls[str, Mapping[int, int]](reader.latest, spawn)
        self._comparing = SharedCalls[str, None](self._compare_one, spawn)
        self._stopping = False
        self._due: list[Subscription] = []
        self._beats = 0.0

    # -- opening streams

    async def locate(
        self,
        topics: Sequence[str],
        start: Start,
        to: Start | None = None,
    ) -> list[TopicStart]:
        """Find where a stream begins in each of its topics (and ends, with `to`).

        Raises:
            TopicNotFound: one of them does not exist.
            BrokerUnavailable: no broker can say so at present.
        """
        if self._stopping:
            raise Stopping("This gateway is stopping.", hint="Connect again; another one answers.")
        if isinstance(start, Cursor):
            _check_topics(start, topics)
        return [await self._locate(topic, start, to) for topic in topics]

    def cursor_at(self, topics: Sequence[str], timestamp: int) -> Cursor | None:
        """A moment (ms) as a cursor, while the log can't be asked; None where a topic is not known here."""
        places: dict[str, TopicCursor] = {}
        for topic in topics:
            watched = self._watched.get(topic)
            if watched is None:
                return None
            feed = watched.feed
            moment = dict.fromkeys(range(feed.partitions), Position(timestamp=timestamp))
            places[topic] = TopicCursor(moment, feed.window.tag)
        return Cursor(places)

    def stream(
        self,
        sink: Sink,
        format_: Format,
        *,
        tally: Tally | None = None,
        limit: int | None = None,
        idle: float | None = None,
        on_end: Callable[[Subscription], None] | None = None,
    ) -> Subscription:
        """A stream that does not read yet; give it its places with `begin`."""

        def ended(subscription: Subscription) -> None:
            self.streams.pop(subscription, None)
            if on_end is not None:
                on_end(subscription)

        subscription = Subscription(
            format_=format_,
            sink=sink,
            pump=self._pump,
            tally=tally or Tally(),
            clock=self._clock,
            limit=limit,
            idle=idle,
            on_end=ended,
        )
        self.streams[subscription] = None
        return subscription

    def begin(self, subscription: Subscription, starts: Sequence[TopicStart], selection: Selection) -> None:
        """Let a stream read from where it was located."""
        if not subscription.ended:
            subscription.start([self._place(subscription, start, selection) for start in starts])

    def _place(self, subscription: Subscription, start: TopicStart, selection: Selection) -> Place:
        if start.to is not None:
            selection = Selection(selection.match, selection.partitions, start.to, selection.counted)
        positions = {
            p: offset
            for p, offset in start.positions.items()
            if selection.partitions is None or p in selection.partitions
        }
        if selection.partitions is not None and selection.to is not None:
            to = {p: offset for p, offset in selection.to.items() if p in selection.partitions}
            selection = Selection(selection.match, selection.partitions, to, selection.counted)
        feed = self._adopt(start.feed)
        place = Place(feed, self._blocks, positions, selection, subscription.wake, self._clock)
        place.gaps += [gap for gap in start.gaps if gap.partition in positions]
        if feed.window.tag != start.tag:
            place.restart(dict.fromkeys(range(feed.partitions), 0), recreated_gaps(positions, start.tag))
        return place

    def _adopt(self, feed: Feed) -> Feed:
        """The feed that is watched for a topic: locating may take long enough for it to be let go."""
        watched = self._watched.get(feed.topic)
        if watched is None:
            watched = self._watched[feed.topic] = _Watched(feed)
            self._tail.watch(feed.topic, feed.window.positions)
        watched.unused_since = None
        return watched.feed

    async def _locate(self, topic: str, start: Start, to: Start | None) -> TopicStart:
        feed = await self._feed(topic)
        end = None if to is None else await self._end(feed, to)
        if isinstance(start, Last):
            # The last N before `to`, also while more come.
            last = await last_positions(self.reader, topic, start.count, end)
            return TopicStart(feed, feed.window.tag, last, (), end)
        positions, gaps = await self._positions(feed, start)
        return TopicStart(feed, feed.window.tag, positions, gaps, end)

    async def _positions(self, feed: Feed, start: Start) -> tuple[Mapping[int, int], Sequence[Gap]]:
        if isinstance(start, Cursor) and feed.topic in start.topics:
            place = start.topics[feed.topic]
            return await self._check(feed, place, await self._offsets(feed.topic, place))
        return await self._plain_positions(feed.topic, start), ()

    async def _end(self, feed: Feed, to: Start) -> Mapping[int, int]:
        if isinstance(to, Cursor) and feed.topic in to.topics:
            offsets = await self._offsets(feed.topic, to.topics[feed.topic])
            return {p: offsets.get(p, 0) for p in range(feed.partitions)}
        return await self._plain_positions(feed.topic, to)

    async def _plain_positions(self, topic: str, start: Start) -> Mapping[int, int]:
        if isinstance(start, Last):
            return await last_positions(self.reader, topic, start.count)
        if isinstance(start, Moment):
            return await self.reader.offsets_at(topic, start.timestamp)
        if start == BEGINNING:
            return await self._earliest(topic)
        # A topic that a cursor does not name was added to the request later: it starts at its end.
        return await self._latest(topic)

    async def _offsets(self, topic: str, place: TopicCursor) -> dict[int, int]:
        """Plain offsets; a moment stands where an end could not be asked when the cursor was made."""
        moments = {p.timestamp for p in place.positions.values() if p.timestamp is not None}
        at = {moment: await self.reader.offsets_at(topic, moment) for moment in moments}
        return {
            p: position.offset if position.timestamp is None else at[position.timestamp].get(p, 0)
            for p, position in place.positions.items()
        }

    async def _check(
        self, feed: Feed, place: TopicCursor, offsets: Mapping[int, int]
    ) -> tuple[Mapping[int, int], Sequence[Gap]]:
        """Compare a cursor with the log before its first record is read."""
        if place.tag is not None:
            # The topic may have been made again since it was last looked at.
            await self._comparing(feed.topic)
        earliest = await self._earliest(feed.topic)
        if place.tag is not None and place.tag != feed.window.tag:
            return earliest, recreated_gaps(offsets, place.tag)
        latest = await self._latest(feed.topic)
        positions: dict[int, int] = {}
        gaps: list[Gap] = []
        for p, first in earliest.items():
            offset = positions[p] = offsets.get(p, 0)
            # A partition that the cursor does not name was made later; what it lost was never promised.
            last = max(latest.get(p, first), first)
            if (offset < first and p in offsets) or offset > last:
                gaps.append(lost_gap(p, offset, first, last))
            positions[p] = min(max(offset, first), last)
        return positions, gaps

    # -- what it holds

    @property
    def records_caught_up(self) -> int:
        """How many records were read from the log for readers behind."""
        return self._blocks.records_read

    @property
    def memory_used(self) -> int:
        """Bytes of windows and blocks, with what was made of them."""
        return self._blocks.nbytes + sum(w.feed.window.nbytes for w in self._watched.values())

    @property
    def topics_watched(self) -> int:
        """How many topics are read at their tail."""
        return len(self._watched)

    # -- feeds

    async def _feed(self, topic: str) -> Feed:
        watched = self._watched.get(topic)
        if watched is not None and not watched.feed.gone:
            watched.unused_since = None
            return watched.feed
        return await self._opening(topic)

    async def _open_feed(self, topic: str) -> Feed:
        watched = self._watched.get(topic)
        if watched is not None and not watched.feed.gone:
            return watched.feed
        info = await self._describe_one(topic)
        if watched is not None:
            self._compare(watched, info)
            return watched.feed
        positions = await self.reader.latest(topic)
        feed = Feed(info, positions, self._limits.window_bytes)
        self._watched[topic] = _Watched(feed)
        self._tail.watch(topic, positions)
        return feed

    async def _describe_one(self, topic: str) -> TopicInfo:
        found = await self.reader.describe([topic])
        if topic not in found:
            raise TopicNotFound(
                f"There is no topic {topic!r}.", hint="Make it first: tailrace topics create."
            )
        return found[topic]

    # -- what the tail source tells

    def on_chunk(self, chunk: Chunk) -> None:
        """The next records of a watched topic."""
        watched = self._watched.get(chunk.topic)
        if watched is not None:
            self.records_read += len(chunk)
            watched.feed.publish(chunk)

    def on_lost(self, topic: str, partition: int, at: int, cause: str, resume_at: int) -> None:
        """A partition goes on elsewhere; each reader learns what it missed when it gets there."""
        del at, cause
        watched = self._watched.get(topic)
        if watched is not None:
            # What was cut off may have been read, and its offsets are given again.
            self._blocks.forget((topic, watched.feed.window.tag, partition))
            watched.feed.lose(partition, resume_at)

    def on_stalled(self, topic: str, partition: int, offset: int) -> None:
        """An open transaction holds back a partition."""
        watched = self._watched.get(topic)
        if watched is not None:
            watched.feed.stall(partition, offset)

    # -- once in a while

    async def run(self) -> None:
        """Look after feeds, heartbeats and idle streams until cancelled."""
        # Each in a task of its own: a broker that is away takes its time to answer.
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(self._run_streams())
            tasks.create_task(self._run_topics())

    async def _run_streams(self) -> None:
        while True:
            await asyncio.sleep(LOOK_SECONDS)
            try:
                self.look_after_streams()
                self.look_after_memory()
            except Exception:  # noqa: BLE001 - one odd stream must not end the looks for good
                _log.exception("Looking after streams failed.")

    async def _run_topics(self) -> None:
        while True:
            try:
                await self.look_after_topics(LOOK_SECONDS)
            except TailraceError:
                # The broker is away: topics are compared when it is back.
                continue
            except Exception:  # noqa: BLE001 - one odd answer must not end the looks for good
                _log.exception("Looking after topics failed.")

    def look_after_streams(self) -> None:
        """Heartbeats in turn, so that each stream has one within the set time; idle and dead ones end."""
        now = self._clock()
        for subscription in list(self.streams):
            subscription.look(now)
        self._beats += len(self.streams) * LOOK_SECONDS / (self._limits.heartbeat_seconds / 2)
        while self._beats >= 1 and self.streams:
            self._due = self._due or list(self.streams)
            subscription = self._due.pop()
            if not subscription.ended:
                subscription.heartbeat()
                self._beats -= 1

    def look_after_memory(self) -> None:
        """Windows together stay within their half of the memory; who reads a trimmed one catches up."""
        limit = self._limits.memory_bytes // 2
        held = sum(w.feed.window.weigh() for w in self._watched.values())
        for watched in list(self._watched.values()):
            if held <= limit:
                return
            before = watched.feed.window.nbytes
            watched.feed.window.trim(before // 2)
            held -= before - watched.feed.window.nbytes

    async def look_after_topics(self, seconds: float = 0) -> None:
        """Notice topics that were deleted, made again or grown; stop watching what nobody reads.

        A few at a time, spread over so many seconds: the answer about thousands would stop the loop.
        """
        self._forget_unused()
        names = list(self._watched)
        parts = [names[at : at + LOOK_TOPICS] for at in range(0, len(names), LOOK_TOPICS)] or [[]]
        for part in parts:
            await asyncio.sleep(seconds / len(parts))
            found = await self.reader.describe(part)
            for name in part:
                watched = self._watched.get(name)
                if watched is not None:
                    self._compare(watched, found.get(name))

    async def _compare_one(self, name: str) -> None:
        found = await self.reader.describe([name])
        watched = self._watched.get(name)
        if watched is not None and name in found:
            self._compare(watched, found[name])

    def _compare(self, watched: _Watched, info: TopicInfo | None) -> None:
        feed = watched.feed
        if info is None:
            watched.missing += 1
            if watched.missing == MISSING_LOOKS and not feed.gone:
                self._tail.unwatch(feed.topic)
                feed.delete()
            return
        watched.missing = 0
        if info.tag != feed.window.tag:
            beginning = dict.fromkeys(range(info.partitions), 0)
            self._tail.unwatch(feed.topic)
            self._tail.watch(feed.topic, beginning)
            feed.recreate(info, beginning)
        elif feed.gone:
            # The brokers had lost sight of it; it is the same one.
            feed.gone = False
            self._tail.watch(feed.topic, feed.window.positions)
        elif info.partitions > feed.partitions:
            feed.grow(info.partitions)
            self._tail.unwatch(feed.topic)
            self._tail.watch(feed.topic, feed.window.positions)

    def _forget_unused(self) -> None:
        now = self._clock()
        for name, watched in list(self._watched.items()):
            if watched.feed.listeners:
                watched.unused_since = None
            elif watched.unused_since is None:
                watched.unused_since = now
            elif now - watched.unused_since >= UNWATCHED_AFTER_SECONDS:
                del self._watched[name]
                self._tail.unwatch(name)

    # -- the end

    def stop(self) -> None:
        """Refuse new streams and say goodbye to all, each with its cursor."""
        self._stopping = True
        for subscription in list(self.streams):
            subscription.end("stopping")

    def close(self) -> None:
        """Stop watching."""
        self._tail.close()


def _check_topics(cursor: Cursor, topics: Sequence[str]) -> None:
    unknown = sorted(set(cursor.topics) - set(topics))
    if unknown:
        raise BadCursor(
            f"The cursor has a place in {unknown[0]!r}, which is not one of the topics asked for.",
            hint="Name the same topics as in the request that gave the cursor.",
        )
