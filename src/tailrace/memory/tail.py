"""The tail of a memory log: hands over what was appended, when its `schedule` runs it."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from itertools import islice

from tailrace.core.ports import TailListener
from tailrace.core.records import Chunk, Record
from tailrace.memory.log import MemoryLog, MemoryPartition, MemoryTopic

Schedule = Callable[[Callable[[], None]], object]

# As much as the Kafka form hands over at once.
HAND_OVER_RECORDS = 500


@dataclass(slots=True)
class _Watch:
    topic: MemoryTopic
    positions: dict[int, int]


class MemoryTail:
    """The TailSource of a MemoryLog.

    Args:
        log: what it reads.
        listener: who is told.
        schedule: runs a hand-over later, such as `loop.call_soon`.
    """

    def __init__(self, log: MemoryLog, listener: TailListener, schedule: Schedule) -> None:
        self._log = log
        self._listener = listener
        self._schedule = schedule
        self._watched: dict[str, _Watch] = {}
        self._scheduled = False
        log.observe(self._wake, self._stalled)

    def watch(self, topic: str, positions: Mapping[int, int]) -> None:
        """Start to read the topic at the given offset of each partition."""
        self._watched[topic] = _Watch(self._log.topic(topic), dict(positions))
        self._wake()

    def unwatch(self, topic: str) -> None:
        """Stop reading the topic; nothing of it is handed over after this returns."""
        self._watched.pop(topic, None)

    def close(self) -> None:
        """Stop all reading."""
        self._watched.clear()
        self._log.forget(self._wake, self._stalled)

    def _wake(self) -> None:
        if not self._scheduled and not self._log.away:
            self._scheduled = True
            self._schedule(self._deliver)

    def _deliver(self) -> None:
        self._scheduled = False
        if self._log.away:
            return
        for name, watch in list(self._watched.items()):
            self._check(name, watch)
            self._hand_over(name, watch)

    def _check(self, name: str, watch: _Watch) -> None:
        for partition, at in list(watch.positions.items()):
            log = watch.topic.partitions[partition]
            cause, resume = ("truncated", log.end) if at > log.end else ("retention", log.earliest)
            if not log.earliest <= at <= log.end and self._watched.get(name) is watch:
                watch.positions[partition] = resume
                self._listener.on_lost(name, partition, at, cause, resume)

    def _hand_over(self, name: str, watch: _Watch) -> None:
        # The listener may unwatch, or watch anew, from within on_chunk.
        while self._watched.get(name) is watch:
            records = self._next(watch)
            if not records:
                watch.positions = {
                    p: max(at, watch.topic.partitions[p].latest) for p, at in watch.positions.items()
                }
                return
            chunk = Chunk.of(records)
            watch.positions.update(chunk.next_positions())
            self._listener.on_chunk(chunk)

    @staticmethod
    def _next(watch: _Watch) -> list[Record]:
        records: list[Record] = []
        for partition, position in watch.positions.items():
            log: MemoryPartition = watch.topic.partitions[partition]
            records += islice(log.stable(position), HAND_OVER_RECORDS - len(records))
        return records

    def _stalled(self, topic: MemoryTopic, partition: int) -> None:
        watch = self._watched.get(topic.name)
        if watch and watch.topic is topic and partition in watch.positions:
            self._listener.on_stalled(topic.name, partition, topic.partitions[partition].latest)
