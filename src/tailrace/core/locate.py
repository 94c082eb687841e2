"""Where a stream begins: what a start means in each of its topics, and what a cursor can no longer have."""

from collections.abc import Callable, Coroutine, Mapping, Sequence
from dataclasses import dataclass

from tailrace.core.cursors import Cursor, Position, TopicCursor
from tailrace.core.errors import BadCursor
from tailrace.core.feed import Feed
from tailrace.core.gaps import Gap, lost_gap, recreated_gaps
from tailrace.core.last import last_positions
from tailrace.core.ports import LogReader, PartitionsUnavailable
from tailrace.core.shared_calls import SharedCalls
from tailrace.core.some_at_once import some_at_once
from tailrace.core.starts import BEGINNING, END, Last, Moment, Start
from tailrace.core.watch import Watch

# Each takes some questions one after another: a hundred topics in turn outlast a client's patience.
TOPICS_AT_ONCE = 16
# Each is a question about all partitions; a cursor of ours holds a moment for each time that none answered.
MAX_MOMENTS = 16


@dataclass(frozen=True, slots=True)
class TopicStart:
    """Where to begin in one topic, and what can no longer be had of it."""

    feed: Feed
    tag: str
    positions: Mapping[int, int]
    gaps: Sequence[Gap] = ()
    to: Mapping[int, int] | None = None


class Locator:
    """Turns starts into offsets; clients that come back together share what it asks.

    Args:
        reader: the log.
        watch: the topics.
        spawn: runs a coroutine to its end.
    """

    def __init__(
        self,
        reader: LogReader,
        watch: Watch,
        spawn: Callable[[Coroutine[object, object, None]], object],
    ) -> None:
        self._reader = reader
        self._watch = watch
        self._earliest = SharedCalls[str, Mapping[int, int]](reader.earliest, spawn)
        self._latest = SharedCalls[str, Mapping[int, int]](reader.latest, spawn)

    async def locate(self, topics: Sequence[str], start: Start, to: Start | None) -> list[TopicStart]:
        """Find where a stream begins in each of its topics (and ends, with `to`)."""
        if isinstance(start, Cursor):
            _check_topics(start, topics)
        if len(topics) == 1:
            return [await self._locate(topics[0], start, to)]

        async def locate(topic: str) -> TopicStart:
            return await self._locate(topic, start, to)

        return await some_at_once(TOPICS_AT_ONCE, locate, topics)

    def cursor_at(self, topics: Sequence[str], timestamp: int) -> Cursor | None:
        """A moment (ms) as a cursor, while the log can't be asked; None where a topic is not known here."""
        places: dict[str, TopicCursor] = {}
        for topic in topics:
            feed = self._watch.find(topic)
            if feed is None:
                return None
            moment = dict.fromkeys(range(feed.partitions), Position(timestamp=timestamp))
            places[topic] = TopicCursor(moment, feed.window.tag)
        return Cursor(places)

    async def _locate(self, topic: str, start: Start, to: Start | None) -> TopicStart:
        feed = await self._watch.feed(topic, past=start != END)
        if _tagged(start, topic) or _tagged(to, topic):
            # The topic may have been made again since it was last looked at.
            await self._watch.compare(topic)
        end = None if to is None else await self._end(feed, to)
        if isinstance(start, Last):
            # The last N before `to`, also while more come.
            return TopicStart(feed, feed.window.tag, await self._last(feed, start.count, end), (), end)
        positions, gaps = await self._positions(feed, start)
        return TopicStart(feed, feed.window.tag, positions, gaps, end)

    async def _positions(self, feed: Feed, start: Start) -> tuple[Mapping[int, int], Sequence[Gap]]:
        if place := _place(start, feed.topic):
            return await self._check(feed, place, await self._offsets(feed, place))
        return await self._plain_positions(feed, start), ()

    async def _end(self, feed: Feed, to: Start) -> Mapping[int, int]:
        if place := _place(to, feed.topic):
            # Nothing of a topic made again comes before an end in the old one.
            reachable = place.tag in {None, feed.window.tag}
            offsets = await self._offsets(feed, place) if reachable else {}
            return {p: offsets.get(p, 0) for p in range(feed.partitions)}
        return await self._plain_positions(feed, to)

    async def _plain_positions(self, feed: Feed, start: Start) -> Mapping[int, int]:
        if isinstance(start, Last):
            return await self._last(feed, start.count)
        if isinstance(start, Moment):
            return await self._reader.offsets_at(feed.topic, start.timestamp)
        if start == BEGINNING:
            # Of a partition that can't be asked all is wanted, whatever it still has.
            return {**dict.fromkeys(range(feed.partitions), 0), **await self._known(self._earliest, feed)}
        # A topic that a cursor does not name was added to the request later: it starts at its end.
        # Where that can't be asked it is where the tail stands: without a leader nothing is added.
        return {**feed.window.positions, **await self._known(self._latest, feed)}

    async def _last(
        self, feed: Feed, count: int, before: Mapping[int, int] | None = None
    ) -> Mapping[int, int]:
        earliest = await self._known(self._earliest, feed)
        ends = await self._known(self._latest, feed)
        ends = {
            p: end if before is None else min(end, before.get(p, 0))
            for p, end in ends.items()
            if p in earliest
        }
        return {
            **feed.window.positions,
            **await last_positions(self._reader, feed.topic, count, earliest, ends),
        }

    async def _known(self, ask: SharedCalls[str, Mapping[int, int]], feed: Feed) -> Mapping[int, int]:
        """The answer about those partitions that can be asked."""
        try:
            return await ask(feed.topic)
        except PartitionsUnavailable as some:
            return some.known

    async def _offsets(self, feed: Feed, place: TopicCursor) -> dict[int, int]:
        """Plain offsets; a moment stands where an end could not be asked when the cursor was made."""
        asked = {p: at.timestamp for p, at in place.positions.items() if p < feed.partitions}
        moments = {moment for moment in asked.values() if moment is not None}
        if len(moments) > MAX_MOMENTS:
            raise BadCursor(
                f"The cursor has {len(moments)} different times for {feed.topic!r}.",
                hint=f"It may have {MAX_MOMENTS}; name offsets, or begin at one time such as -15m.",
            )
        at = {moment: await self._reader.offsets_at(feed.topic, moment) for moment in moments}
        return {
            p: position.offset if position.timestamp is None else at.get(position.timestamp, {}).get(p, 0)
            for p, position in place.positions.items()
        }

    async def _check(
        self, feed: Feed, place: TopicCursor, offsets: Mapping[int, int]
    ) -> tuple[Mapping[int, int], Sequence[Gap]]:
        """Compare a cursor with the log before its first record is read."""
        earliest = await self._known(self._earliest, feed)
        beginning = dict.fromkeys(range(feed.partitions), 0)
        if place.tag is not None and place.tag != feed.window.tag:
            return {**beginning, **earliest}, recreated_gaps(offsets, place.tag)
        latest = await self._known(self._latest, feed)
        # What can't be compared now is when it is read.
        positions = {p: offsets.get(p, 0) for p in {**beginning, **earliest}}
        gaps: list[Gap] = []
        for p in sorted(earliest.keys() & latest.keys()):
            offset, first = positions[p], earliest[p]
            # A partition that the cursor does not name was made later; what it lost was never promised.
            last = max(latest[p], first)
            if (offset < first and p in offsets) or offset > last:
                gaps.append(lost_gap(p, offset, first, last))
            positions[p] = min(max(offset, first), last)
        return positions, gaps


def _place(at: Start | None, topic: str) -> TopicCursor | None:
    return at.topics.get(topic) if isinstance(at, Cursor) else None


def _tagged(at: Start | None, topic: str) -> bool:
    place = _place(at, topic)
    return place is not None and place.tag is not None


def _check_topics(cursor: Cursor, topics: Sequence[str]) -> None:
    unknown = sorted(set(cursor.topics) - set(topics))
    if unknown:
        raise BadCursor(
            f"The cursor has a place in {unknown[0]!r}, which is not one of the topics asked for.",
            hint="Name the same topics as in the request that gave the cursor.",
        )
