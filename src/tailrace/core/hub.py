"""Everything that is read: the streams, and the topics they read."""

import asyncio
import logging
from collections.abc import Callable, Coroutine, Sequence
from dataclasses import dataclass

from tailrace.core.blocks import BlockCache
from tailrace.core.cursors import Cursor
from tailrace.core.errors import Stopping
from tailrace.core.formats import Format
from tailrace.core.locate import Locator, TopicStart
from tailrace.core.place import Place
from tailrace.core.ports import LogReader, TailListener, TailSource
from tailrace.core.pump import Pump
from tailrace.core.selection import Selection
from tailrace.core.spread import spread
from tailrace.core.starts import Start
from tailrace.core.subscription import Sink, Subscription
from tailrace.core.tally import Tally
from tailrace.core.watch import Watch

_log = logging.getLogger("tailrace.hub")

LOOK_SECONDS = 1.0


@dataclass(frozen=True, slots=True)
class Limits:
    """What the hub may hold, and how often it gives a sign of life."""

    memory_bytes: int = 256 * 1024 * 1024
    window_bytes: int = 16 * 1024 * 1024
    heartbeat_seconds: float = 15.0


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
        self._limits = limits
        self._clock = clock
        self._pump = Pump(call_soon, clock)
        self._blocks = BlockCache(reader, limits.memory_bytes // 2, spawn)
        self.watch = Watch(reader, tail, self._blocks, limits.window_bytes, clock=clock, spawn=spawn)
        self._locator = Locator(reader, self.watch, spawn)
        self._stopping = False

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
        return await self._locator.locate(topics, start, to)

    def cursor_at(self, topics: Sequence[str], timestamp: int) -> Cursor | None:
        """A moment (ms) as a cursor, while the log can't be asked; None where a topic is not known here."""
        return self._locator.cursor_at(topics, timestamp)

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
            selection = selection.up_to(start.to)
        positions = {p: offset for p, offset in start.positions.items() if selection.wants(p)}
        feed = self.watch.adopt(start.feed)
        place = Place(feed, self._blocks, positions, selection, subscription.wake, self._clock)
        place.gaps += [gap for gap in start.gaps if gap.partition in positions]
        if feed.window.tag != start.tag:
            place.recreated(start.tag)
        return place

    # -- what it holds

    @property
    def records_read(self) -> int:
        """How many records the tail has brought."""
        return self.watch.records_read

    @property
    def records_caught_up(self) -> int:
        """How many records were read from the log for readers behind."""
        return self._blocks.records_read

    @property
    def memory_used(self) -> int:
        """Bytes of windows and blocks, with what was made of them."""
        return self._blocks.nbytes + self.watch.nbytes

    @property
    def topics_watched(self) -> int:
        """How many topics are read at their tail."""
        return len(self.watch)

    # -- once in a while

    async def run(self) -> None:
        """Look after feeds, heartbeats and idle streams until cancelled."""
        # Each in a task of its own: a broker that is away takes its time to answer.
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(self._run_streams())
            tasks.create_task(self.watch.run())

    async def _run_streams(self) -> None:
        while True:
            try:
                await self.look_after_streams(LOOK_SECONDS / 2)
                await self.watch.trim(self._limits.memory_bytes // 2, LOOK_SECONDS / 2)
            except Exception:  # noqa: BLE001 - one odd stream must not end the looks for good
                _log.exception("Looking after streams failed.")
                await asyncio.sleep(LOOK_SECONDS)

    async def look_after_streams(self, seconds: float = 0) -> None:
        """Give each stream a heartbeat within the set time, and end idle and dead ones."""
        await spread(self._look, self.streams, seconds)

    def _look(self, subscription: Subscription) -> None:
        now = self._clock()
        subscription.look(now)
        subscription.beat(now, self._limits.heartbeat_seconds / 2)

    # -- the end

    def stop(self) -> None:
        """Refuse new streams and say goodbye to all, each with its cursor."""
        self._stopping = True
        for subscription in list(self.streams):
            subscription.end("stopping")

    def close(self) -> None:
        """Stop watching."""
        self.watch.close()
