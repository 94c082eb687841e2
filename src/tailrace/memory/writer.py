"""The writer of a memory log: stores at once, tells each record's fate when its `schedule` runs."""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from itertools import count

from tailrace.core.errors import BadRecord, BrokerUnavailable, TooLarge, TopicNotFound
from tailrace.core.ports import NewRecord, Outcome, Stored
from tailrace.memory.log import MemoryLog
from tailrace.memory.partitioner import partition_of

Schedule = Callable[[Callable[[], None]], object]

MAX_RECORD_BYTES = 1_048_576
DEFAULT_CAPACITY = 10_000


class MemoryWriter:
    """The LogWriter of a MemoryLog.

    Args:
        log: where it stores.
        schedule: runs a hand-over later, such as `loop.call_soon`.
        capacity: how many records may wait for their outcome to be told.
    """

    def __init__(self, log: MemoryLog, schedule: Schedule, capacity: int = DEFAULT_CAPACITY) -> None:
        self._log = log
        self._schedule = schedule
        self._room = self._capacity = capacity
        self._round_robin = count()
        self._waiting: list[asyncio.Future[None]] = []

    def append(
        self,
        topic: str,
        records: Sequence[NewRecord],
        on_done: Callable[[Sequence[Outcome]], None],
        *,
        linger: bool = False,  # noqa: ARG002 - the port's; nothing waits here
    ) -> int:
        """Take records; answer how many were taken, fewer when the bound is reached."""
        taken = records[: self._room]
        if not taken:
            return 0
        outcomes = [self._store(topic, record) for record in taken]
        self._room -= len(taken)
        self._schedule(lambda: self._tell(outcomes, on_done))
        return len(taken)

    def writable(self) -> Awaitable[None]:
        """Done when there is room again."""
        return self._until(1)

    async def close(self) -> None:
        """Wait until every outcome was told."""
        await self._until(self._capacity)

    async def _until(self, room: int) -> None:
        while self._room < room:
            waiter = asyncio.get_running_loop().create_future()
            self._waiting.append(waiter)
            await waiter

    def _tell(self, outcomes: Sequence[Outcome], on_done: Callable[[Sequence[Outcome]], None]) -> None:
        self._room += len(outcomes)
        waiting, self._waiting = self._waiting, []
        for waiter in waiting:
            if not waiter.done():
                waiter.set_result(None)
        on_done(outcomes)

    def _store(self, topic: str, record: NewRecord) -> Outcome:
        try:
            return self._stored(topic, record)
        except (BadRecord, BrokerUnavailable, TooLarge, TopicNotFound) as error:
            return error

    def _stored(self, topic: str, new: NewRecord) -> Stored:
        self._log.check()
        partitions = len(self._log.topic(topic).partitions)
        if len(new.value or b"") + len(new.key or b"") > MAX_RECORD_BYTES:
            raise TooLarge(f"The record is larger than {MAX_RECORD_BYTES} bytes.")
        partition = self._partition(new, partitions)
        if not 0 <= partition < partitions:
            raise BadRecord(f"The topic {topic!r} has no partition {partition}.")
        record = self._log.store(topic, partition, new)
        return Stored(record.partition, record.offset, record.timestamp)

    def _partition(self, new: NewRecord, partitions: int) -> int:
        if new.partition is not None:
            return new.partition
        if new.key is None:
            return next(self._round_robin) % partitions
        return partition_of(new.key, partitions)
