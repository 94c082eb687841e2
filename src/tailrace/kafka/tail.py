"""The TailSource on Kafka: what is watched is read once, by a few consumers according to its pace."""

import asyncio
import logging
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from itertools import count

from tailrace.core.ports import TailListener
from tailrace.core.records import Chunk
from tailrace.core.spread import spread
from tailrace.kafka.connection import ClientSettings
from tailrace.kafka.tail_consumer import TailConsumer
from tailrace.kafka.tail_events import Assign, Event, Found, PositionLost, Reading, Stalled, Unassign
from tailrace.kafka.tail_pool import TailPool
from tailrace.kafka.topic_tags import TopicTags, outdated

_log = logging.getLogger(__name__)

# A fetch costs in proportion to what is assigned: a hot topic beside 2,000 quiet ones on its consumer
# went from p50 1.3 ms to 18 ms. So topics live apart by pace. The waits say how long a broker holds an
# empty fetch, which is what a newly assigned topic may wait for: those that move are read by both until
# then.
FRESH_WAIT_MS, HOT_WAIT_MS, COLD_WAIT_MS = 10, 100, 500
# How soon a consumer sees a command while nothing arrives.
FRESH_POLL_SECONDS, HOT_POLL_SECONDS, COLD_POLL_SECONDS = 0.005, 0.02, 0.1
FRESH_PARTITIONS = 200
HOT_SHARE, HOT_CONSUMERS, HOT_FULL = 32, 4, 128
COLD_SHARE, COLD_CONSUMERS, COLD_FULL = 64, 16, 2_000

CLOSE_SECONDS = 5.0
# How long a topic that moves stays with the consumer it leaves if the other one does not get to read it.
LEAVE_SECONDS = 30.0


@dataclass(frozen=True, slots=True)
class Pace:
    """When a topic moves: looked at every `balance_seconds`.

    Within them `hot_records` make it hot; `cool_seconds` without one make it cold.
    """

    balance_seconds: float = 1.0
    fresh_seconds: float = 2.0
    hot_records: int = 5
    cool_seconds: float = 15.0


DEFAULT_PACE = Pace()


@dataclass(slots=True)
class _Watch:
    number: int
    topic: str
    # The next offset of each partition to tell the listener: the one truth about what was told.
    positions: dict[int, int]
    consumer: TailConsumer
    since: float
    # Where it moves from, while both read it; when that began, and whether the new one was seen to read.
    leaving: TailConsumer | None = None
    moved_at: float = 0.0
    reading: bool = False
    records: int = 0
    last_record: float = 0.0


class KafkaTail:
    """Watches topics of a cluster; used on one event loop, `listener` is told on its thread.

    A topic moves between consumers by being assigned to the second at the next offset while the first
    still reads it; what both bring is told once, because only the loop knows the next offset.
    """

    def __init__(
        self,
        settings: ClientSettings,
        listener: TailListener,
        *,
        pace: Pace = DEFAULT_PACE,
        tags: TopicTags | None = None,
        close_seconds: Callable[[], float] = lambda: CLOSE_SECONDS,
    ) -> None:
        self._settings = settings
        self._listener = listener
        self._pace = pace
        self._tags = tags or TopicTags()
        self._close_seconds = close_seconds
        self._loop = asyncio.get_running_loop()
        self._numbers = count(1)
        self._watched: dict[str, _Watch] = {}
        self._fresh = self._fresh_consumer()
        self._hot = TailPool(
            lambda number: self._consumer(f"hot-{number}", HOT_WAIT_MS, HOT_POLL_SECONDS),
            share=HOT_SHARE,
            consumers=HOT_CONSUMERS,
            full=HOT_FULL,
        )
        self._cold = TailPool(
            lambda number: self._consumer(f"cold-{number}", COLD_WAIT_MS, COLD_POLL_SECONDS),
            share=COLD_SHARE,
            consumers=COLD_CONSUMERS,
            full=COLD_FULL,
        )
        # Those that know a topic which was made again: what else they read moves to others.
        self._retired: list[TailConsumer] = []
        self._balancing = self._loop.create_task(self._balance())

    def watch(self, topic: str, positions: Mapping[int, int]) -> None:
        """Start to read the topic at the given offset of each partition."""
        self.unwatch(topic)
        self._retire_outdated(topic)
        consumer = self._fresh
        if consumer.partitions + len(positions) > FRESH_PARTITIONS and consumer.partitions:
            consumer = self._cold.consumer(len(positions))
        watch = _Watch(next(self._numbers), topic, dict(positions), consumer, time.monotonic())
        self._watched[topic] = watch
        self._enter(watch, consumer)

    def unwatch(self, topic: str) -> None:
        """Stop reading the topic; nothing of it is handed over after this returns."""
        watch = self._watched.pop(topic, None)
        if watch is not None:
            self._leave(watch, watch.consumer)
            if watch.leaving is not None:
                self._leave(watch, watch.leaving)

    def close(self) -> None:
        """Stop all reading within its deadline."""
        self._balancing.cancel()
        self._watched.clear()
        consumers = [self._fresh, *self._hot, *self._cold, *self._retired]
        for consumer in consumers:
            consumer.close()
        deadline = time.monotonic() + self._close_seconds()
        for consumer in consumers:
            consumer.join(max(0.0, deadline - time.monotonic()))

    # --- what the threads bring ---

    def _received(self, consumer: TailConsumer, events: Sequence[Event]) -> None:
        for event in events:
            try:
                self._hand_over(consumer, event)
            except Exception:  # noqa: BLE001 - the other topics' events must not be lost with it
                _log.exception("Handing over what was read failed.")

    def _hand_over(self, consumer: TailConsumer, event: Event) -> None:
        if isinstance(event, Found):
            watch = self._watched.get(event.chunk.topic)
            if watch is not None and watch.number == event.watch:
                self._found(watch, event.chunk)
        else:
            watch = self._watched.get(event.topic)
            # While it moves, only the consumer that keeps it speaks for it.
            if watch is not None and watch.number == event.watch and watch.consumer is consumer:
                self._told(watch, event)

    def _found(self, watch: _Watch, chunk: Chunk) -> None:
        new = only_new(chunk, watch.positions)
        if new is not None:
            watch.positions.update(new.next_positions())
            watch.records += len(new)
            self._listener.on_chunk(new)

    def _told(self, watch: _Watch, event: PositionLost | Stalled | Reading) -> None:
        if isinstance(event, Reading):
            watch.reading = True
        else:
            self._trouble(watch, event)

    def _trouble(self, watch: _Watch, event: PositionLost | Stalled) -> None:
        position = watch.positions[event.partition]
        if isinstance(event, Stalled):
            self._listener.on_stalled(event.topic, event.partition, max(position, event.offset))
        elif event.resume_at > position or event.cause == "truncated":
            watch.positions[event.partition] = event.resume_at
            self._listener.on_lost(event.topic, event.partition, position, event.cause, event.resume_at)

    # --- which consumer reads what ---

    def _consumer(self, name: str, wait_ms: int, poll_seconds: float) -> TailConsumer:
        return TailConsumer(name, self._settings, wait_ms, poll_seconds, self._loop, self._received)

    def _fresh_consumer(self) -> TailConsumer:
        return self._consumer("fresh", FRESH_WAIT_MS, FRESH_POLL_SECONDS)

    def _retire_outdated(self, topic: str) -> None:
        """A consumer that has known another topic of this name would read nothing of it."""
        tag = self._tags.get(topic)
        for pool in (self._hot, self._cold):
            for consumer in [one for one in pool if outdated(one.known, topic, tag)]:
                pool.retire(consumer)
                self._retire(consumer)
        if outdated(self._fresh.known, topic, tag):
            self._retire(self._fresh)
            self._fresh = self._fresh_consumer()

    def _retire(self, consumer: TailConsumer) -> None:
        self._retired.append(consumer)
        self._let_go_of_empty(consumer)

    def _let_go_of_empty(self, consumer: TailConsumer) -> None:
        if consumer in self._retired and not consumer.partitions:
            self._retired.remove(consumer)
            consumer.close()

    def _enter(self, watch: _Watch, consumer: TailConsumer) -> None:
        consumer.partitions += len(watch.positions)
        consumer.known[watch.topic] = self._tags.get(watch.topic)
        at_once = watch.leaving is None
        consumer.send(Assign(watch.topic, watch.number, dict(watch.positions), at_once))

    def _leave(self, watch: _Watch, consumer: TailConsumer) -> None:
        consumer.partitions -= len(watch.positions)
        consumer.send(Unassign(watch.topic, watch.number))
        self._let_go_of_empty(consumer)

    async def _balance(self) -> None:
        while True:
            try:
                await spread(self._settle, self._watched.values(), self._pace.balance_seconds)
            except Exception:  # noqa: BLE001 - one odd topic must not keep the others where they are
                _log.exception("Moving topics between consumers failed.")
                await asyncio.sleep(self._pace.balance_seconds)

    def _settle(self, watch: _Watch) -> None:
        if self._watched.get(watch.topic) is not watch:
            return
        now = time.monotonic()
        records, watch.records = watch.records, 0
        if records:
            watch.last_record = now
        if watch.leaving is not None:
            if watch.reading or now - watch.moved_at > LEAVE_SECONDS:
                self._leave(watch, watch.leaving)
                watch.leaving = None
            return
        target = self._target(watch, records, now)
        if target is not watch.consumer:
            watch.leaving, watch.consumer = watch.consumer, target
            watch.moved_at, watch.reading = now, False
            self._enter(watch, target)

    def _target(self, watch: _Watch, records: int, now: float) -> TailConsumer:
        partitions = len(watch.positions)
        if watch.consumer in self._hot:
            quiet = now - watch.last_record > self._pace.cool_seconds
            return self._cold.consumer(partitions) if quiet else watch.consumer
        if watch.consumer is self._fresh and now - watch.since < self._pace.fresh_seconds:
            return self._fresh
        if records >= self._pace.hot_records and self._hot.has_room(partitions):
            return self._hot.consumer(partitions)
        leaves = watch.consumer is self._fresh or watch.consumer in self._retired
        return self._cold.consumer(partitions) if leaves else watch.consumer


def only_new(chunk: Chunk, positions: Mapping[int, int]) -> Chunk | None:
    """The part of a chunk at or past the positions; the chunk itself if that is all of it."""
    offsets = chunk.offsets
    if all(offsets[run.start] >= positions[run.partition] for run in chunk.runs):
        return chunk
    records = [r for r in chunk.records() if r.offset >= positions[r.partition]]
    return Chunk.of(records) if records else None
