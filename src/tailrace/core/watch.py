"""The topics that are watched: each once, however many streams read it."""

import asyncio
import logging
from collections import deque
from collections.abc import Callable, Coroutine, Mapping, Sequence
from dataclasses import dataclass

from tailrace.core.blocks import BlockCache
from tailrace.core.errors import BrokerUnavailable, TailraceError, TopicNotFound
from tailrace.core.feed import Feed
from tailrace.core.ports import LogReader, TailListener, TailSource, TopicInfo
from tailrace.core.records import Chunk
from tailrace.core.shared_calls import SharedCalls
from tailrace.core.spread import spread

_log = logging.getLogger("tailrace.watch")

LOOK_SECONDS = 1.0
# How many topics are asked about in one question.
LOOK_TOPICS = 50
# How many are asked about a second; where more are watched, a look at all of them takes longer.
MOST_LOOKS = 500
# One who comes alone is served sooner by catching up. But a crowd would take many more questions of the
# brokers: for it a topic of few records is read by the tail from its beginning. So many newly watched topics
# in so many seconds are a crowd.
CROWD_TOPICS, CROWD_SECONDS = 20, 0.2
SHORT_TOPIC_RECORDS = 100
# A topic that nobody reads any more is watched for a while, for the next one or the same one again.
UNWATCHED_AFTER_SECONDS = 30.0
# A describe may fail to find a topic for a moment while brokers change; deleted is what stays away.
MISSING_LOOKS = 2


@dataclass(slots=True)
class _Watched:
    feed: Feed
    unused_since: float | None = None
    missing: int = 0
    # It could not be described: it is asked about alone, so that it hides no other.
    failing: bool = False
    # Where the window's end was at the last look that found it moved, and when that was.
    tip: int = 0
    read_at: float = 0.0


def _turn_to_go(watched: _Watched) -> tuple[bool, float, int]:
    return bool(watched.feed.listeners), watched.read_at, -watched.feed.nbytes


class Watch:
    """Follows each topic that is read at its end, and notices when one is deleted, made again or grown.

    Args:
        reader: the log, for questions.
        tail: makes the source of what is new, given who listens to it.
        blocks: what was read of the past; a log that was cut makes it untrue.
        window_bytes: the bound of each topic's window.
        clock: seconds, monotonic.
        spawn: runs a coroutine to its end.
    """

    def __init__(
        self,
        reader: LogReader,
        tail: Callable[[TailListener], TailSource],
        blocks: BlockCache,
        window_bytes: int,
        *,
        clock: Callable[[], float],
        spawn: Callable[[Coroutine[object, object, None]], object],
    ) -> None:
        self.records_read = 0
        self._reader = reader
        self._tail = tail(self)
        self._blocks = blocks
        self._window_bytes = window_bytes
        self._clock = clock
        self._watched: dict[str, _Watched] = {}
        self._opened_at = deque[float](maxlen=CROWD_TOPICS)
        self._opening = SharedCalls[tuple[str, bool], Feed](self._open, spawn)
        self._comparing = SharedCalls[str, None](self._compare_one, spawn)

    def __len__(self) -> int:
        return len(self._watched)

    def find(self, topic: str) -> Feed | None:
        """The feed of a topic that is watched."""
        watched = self._watched.get(topic)
        return None if watched is None else watched.feed

    async def feed(self, topic: str, *, past: bool = False) -> Feed:
        """The feed of a topic, which is watched from now on.

        Args:
            topic: its name.
            past: what is in it already is wanted too.

        Raises:
            TopicNotFound: it does not exist.
        """
        watched = self._watched.get(topic)
        if watched is not None and not watched.feed.gone:
            watched.unused_since = None
            return watched.feed
        return await self._opening((topic, past))

    def adopt(self, feed: Feed) -> Feed:
        """The feed that is watched for a topic: another may have come to be while this one was located."""
        watched = self._watched.get(feed.topic)
        if watched is None:
            watched = self._watched[feed.topic] = _Watched(feed)
            self._tail.watch(feed.topic, feed.window.positions)
        watched.unused_since = None
        return watched.feed

    async def compare(self, topic: str) -> None:
        """Find out now whether a topic was made again."""
        await self._comparing(topic)

    @property
    def nbytes(self) -> int:
        """Bytes of all windows, with what was made of them."""
        return sum(watched.feed.nbytes for watched in self._watched.values())

    async def trim(self, limit: int, seconds: float = 0) -> None:
        """Windows together stay within the limit, in bytes, weighed within so many seconds.

        Who reads a trimmed one catches up.

        The one read least recently goes first. Live readers read at once what comes, so that is one without
        readers, or else the one of the topic that was quiet for longest; of equals the largest.
        """
        await spread(self._weigh, self._watched.values(), seconds)
        held = self.nbytes
        if held <= limit:
            return
        for watched in sorted(self._watched.values(), key=_turn_to_go):
            before = watched.feed.nbytes
            # Who reads must not always be thrown back to the log.
            least = before // 2 if watched.feed.listeners else 0
            watched.feed.trim(max(least, before - (held - limit)))
            held -= before - watched.feed.nbytes
            if held <= limit:
                return

    def _weigh(self, watched: _Watched) -> None:
        tip = watched.feed.window.tip
        if tip != watched.tip:
            watched.tip, watched.read_at = tip, self._clock()
        watched.feed.weigh()

    def close(self) -> None:
        """Stop watching."""
        self._tail.close()

    async def _open(self, wanted: tuple[str, bool]) -> Feed:
        topic, past = wanted
        watched = self._watched.get(topic)
        if watched is not None and not watched.feed.gone:
            return watched.feed
        info = await self._describe_one(topic)
        if watched is not None:
            self._compare(watched, info)
            return watched.feed
        return self.adopt(Feed(info, await self._begin_at(topic, past=past), self._window_bytes))

    async def _begin_at(self, topic: str, *, past: bool) -> Mapping[int, int]:
        """Where the tail begins: at the end, or in a crowd before the few records that are wanted."""
        self._opened_at.append(self._clock())
        if not past or not self._is_crowded():
            return await self._reader.latest(topic)
        earliest, latest = await asyncio.gather(self._reader.earliest(topic), self._reader.latest(topic))
        is_short = sum(latest.values()) - sum(earliest.values()) <= SHORT_TOPIC_RECORDS
        return earliest if is_short else latest

    def _is_crowded(self) -> bool:
        opened_at = self._opened_at
        return len(opened_at) == opened_at.maxlen and opened_at[-1] - opened_at[0] <= CROWD_SECONDS

    async def _describe_one(self, topic: str) -> TopicInfo:
        found = await self._reader.describe([topic])
        if topic not in found:
            raise TopicNotFound(
                f"There is no topic {topic!r}.",
                hint="`tailrace topics list` shows the topics that there are.",
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
        """Look after topics until cancelled."""
        while True:
            try:
                await self.look_after(LOOK_SECONDS)
            except Exception:  # noqa: BLE001 - one odd answer must not end the looks for good
                _log.exception("Looking after topics failed.")
                await asyncio.sleep(LOOK_SECONDS)

    async def look_after(self, seconds: float = 0) -> None:
        """Notice topics that were deleted, made again or grown; stop watching what nobody reads.

        A few at a time, spread over so many seconds: the answer about thousands would stop the loop. So many
        of them take longer: what a look costs has a bound.
        """
        self._forget_unused()
        parts = self._parts()
        pause = max(seconds / len(parts), seconds * LOOK_TOPICS / MOST_LOOKS)
        for part in parts:
            await asyncio.sleep(pause)
            await self._look_at(part)

    def _parts(self) -> Sequence[Sequence[str]]:
        """What is asked in one question each; one at least, for that takes the time of a look."""
        names = [name for name, watched in self._watched.items() if not watched.failing]
        parts = [names[at : at + LOOK_TOPICS] for at in range(0, len(names), LOOK_TOPICS)]
        return [*parts, *([name] for name, watched in self._watched.items() if watched.failing)] or [[]]

    async def _look_at(self, names: Sequence[str]) -> None:
        try:
            found = await self._reader.describe(names)
        except BrokerUnavailable:
            # Topics are compared when it is back.
            return
        except TailraceError as error:
            if len(names) == 1:
                self._failed(names[0], error)
            else:
                for name in names:
                    await self._look_at([name])
            return
        for name in names:
            watched = self._watched.get(name)
            if watched is not None:
                watched.failing = False
                self._compare(watched, found.get(name))

    def _failed(self, name: str, error: TailraceError) -> None:
        watched = self._watched.get(name)
        if watched is not None and not watched.failing:
            watched.failing = True
            _log.warning("Whether %r changes can't be seen: %s %s", name, error.detail, error.cause)

    async def _compare_one(self, name: str) -> None:
        found = await self._reader.describe([name])
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
