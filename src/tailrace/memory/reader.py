"""Questions and reads in memory."""

from collections.abc import Mapping, Sequence

from tailrace.core.ports import Block, LostPosition, TopicInfo, internal_topic
from tailrace.core.records import ROW_OVERHEAD_BYTES, Chunk, Record
from tailrace.memory.log import MemoryLog, MemoryPartition


class MemoryReader:
    """The LogReader of a MemoryLog."""

    def __init__(self, log: MemoryLog) -> None:
        self._log = log

    async def describe(self, topics: Sequence[str]) -> Mapping[str, TopicInfo]:
        """What the named topics are; a topic that does not exist is left out."""
        self._log.check()
        wanted = set(topics)
        found = [t for t in self._log.topics() if t.name in wanted]
        return {t.name: TopicInfo(t.name, t.tag, len(t.partitions)) for t in found}

    async def topic_names(self) -> Sequence[str]:
        """The names of all topics, internal ones left out."""
        self._log.check()
        return [t.name for t in self._log.topics() if not internal_topic(t.name)]

    async def earliest(self, topic: str) -> Mapping[int, int]:
        """The first offset that each partition still has."""
        return {p: log.earliest for p, log in self._partitions(topic)}

    async def latest(self, topic: str) -> Mapping[int, int]:
        """The last stable offset of each partition."""
        return {p: log.latest for p, log in self._partitions(topic)}

    async def offsets_at(self, topic: str, timestamp: int) -> Mapping[int, int]:
        """The first offset of each partition at or after the time (ms), or its end."""
        return {p: _offset_at(log, timestamp) for p, log in self._partitions(topic)}

    async def read(self, topic: str, partition: int, offset: int, max_bytes: int) -> Block:
        """The records from the offset on, about `max_bytes` of them."""
        log = dict(self._partitions(topic))[partition]
        if not log.earliest <= offset <= log.latest:
            raise LostPosition(log.earliest, log.latest)
        records, whole = _take(log, offset, max_bytes)
        if whole:
            return Block(Chunk.of(records) if records else None, log.latest, at_end=True)
        return Block(Chunk.of(records), records[-1].offset + 1)

    def _partitions(self, topic: str) -> Sequence[tuple[int, MemoryPartition]]:
        self._log.check()
        return list(enumerate(self._log.topic(topic).partitions))


def _take(log: MemoryPartition, offset: int, max_bytes: int) -> tuple[list[Record], bool]:
    taken: list[Record] = []
    size = 0
    for record in log.stable(offset):
        if size >= max_bytes:
            return taken, False
        taken.append(record)
        size += len(record.value or b"") + len(record.key or b"") + ROW_OVERHEAD_BYTES
    return taken, True


def _offset_at(log: MemoryPartition, timestamp: int) -> int:
    return next((r.offset for r in log.stable(log.earliest) if r.timestamp >= timestamp), log.latest)
