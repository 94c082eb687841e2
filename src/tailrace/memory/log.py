"""A cluster in memory: topics, partitions, and what can happen to them."""

from bisect import bisect_left
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from itertools import count

from tailrace.core.cursors import topic_tag, valid_topic_name
from tailrace.core.errors import BadRequest, BrokerUnavailable, TopicExists, TopicNotFound
from tailrace.core.ports import NewRecord
from tailrace.core.records import Record

CLUSTER_ID = "memory"


@dataclass(slots=True)
class MemoryPartition:
    """Records by ascending offset, with holes; `earliest` to `end` is what the log covers."""

    records: list[Record] = field(default_factory=list)
    offsets: list[int] = field(default_factory=list)
    earliest: int = 0
    end: int = 0
    open_from: int | None = None

    @property
    def latest(self) -> int:
        """The last stable offset."""
        return self.end if self.open_from is None else self.open_from

    def add(self, record: Record) -> None:
        """Put a record at the end."""
        self.records.append(record)
        self.offsets.append(record.offset)
        self.end = record.offset + 1

    def stable(self, start: int) -> Iterator[Record]:
        """The committed records from an offset on."""
        stop = bisect_left(self.offsets, self.latest)
        for row in range(bisect_left(self.offsets, start), stop):
            yield self.records[row]

    def keep(self, start: int, stop: int) -> None:
        """Drop all records outside of the offsets."""
        rows = slice(bisect_left(self.offsets, start), bisect_left(self.offsets, stop))
        self.records = self.records[rows]
        self.offsets = self.offsets[rows]


@dataclass(slots=True)
class MemoryTopic:
    """A topic; its tag is new each time it is made."""

    name: str
    tag: str
    partitions: list[MemoryPartition]
    config: dict[str, str] = field(default_factory=dict)


class MemoryLog:
    """The cluster that the ports in this package share."""

    def __init__(self, clock: Callable[[], int] | None = None) -> None:
        self._topics: dict[str, MemoryTopic] = {}
        self._ids = count(1)
        self._away = False
        self._clock = clock or count(1_000).__next__
        self._on_change: list[Callable[[], None]] = []
        self._on_stalled: list[Callable[[MemoryTopic, int], None]] = []

    # --- topics ---

    def create(self, name: str, partitions: int = 1) -> MemoryTopic:
        """Make a topic.

        Raises:
            TopicExists: it is there already.
            BadRequest: Kafka would not take the name.
        """
        if not valid_topic_name(name):
            raise BadRequest(f"{name[:80]!r} is no topic name.")
        if name in self._topics:
            raise TopicExists(f"The topic {name!r} exists already.")
        tag = topic_tag(CLUSTER_ID, next(self._ids).to_bytes(16, "big"))
        topic = MemoryTopic(name, tag, [MemoryPartition() for _ in range(partitions)])
        self._topics[name] = topic
        return topic

    def delete(self, name: str) -> None:
        """Remove a topic; a tail that watches it hears nothing more."""
        self.topic(name)
        del self._topics[name]

    def restore(self, topic: MemoryTopic) -> None:
        """Bring a deleted topic back as it was: brokers had only lost sight of it."""
        self._topics[topic.name] = topic

    def recreate(self, name: str) -> MemoryTopic:
        """Delete a topic and make it again under its name, empty."""
        partitions = len(self.topic(name).partitions)
        self.delete(name)
        return self.create(name, partitions)

    def grow(self, name: str, partitions: int) -> None:
        """Add partitions up to the number."""
        topic = self.topic(name)
        if partitions <= len(topic.partitions):
            raise BadRequest(f"The topic {name!r} has {len(topic.partitions)} partitions already.")
        topic.partitions += [MemoryPartition() for _ in range(partitions - len(topic.partitions))]

    def topic(self, name: str) -> MemoryTopic:
        """A topic by name.

        Raises:
            TopicNotFound: there is none.
        """
        found = self._topics.get(name)
        if found is None:
            raise TopicNotFound(f"There is no topic {name!r}.")
        return found

    def topics(self) -> Iterable[MemoryTopic]:
        """All topics, by name."""
        return [self._topics[name] for name in sorted(self._topics)]

    # --- records ---

    def append(self, topic: str, *values: bytes | None, partition: int = 0) -> int:
        """Store bare values; the last one's offset."""
        offset = -1
        for value in values:
            offset = self.store(topic, partition, NewRecord(value)).offset
        return offset

    def store(self, topic: str, partition: int, new: NewRecord) -> Record:
        """Store a record at the end of a partition."""
        log = self.topic(topic).partitions[partition]
        timestamp = self._clock() if new.timestamp is None else new.timestamp
        record = Record(topic, partition, log.end, timestamp, new.key, new.value, new.headers)
        log.add(record)
        self._changed()
        return record

    def hole(self, topic: str, partition: int = 0, offsets: int = 1) -> None:
        """Use up offsets without records, as aborted, control and compacted records do."""
        self.topic(topic).partitions[partition].end += offsets
        self._changed()

    def begin(self, topic: str, partition: int = 0) -> None:
        """Open a transaction: what is appended from here on stays hidden until it ends."""
        log = self.topic(topic).partitions[partition]
        log.open_from = log.end

    def commit(self, topic: str, partition: int = 0) -> None:
        """End the transaction: its records become visible, its marker takes one offset."""
        self.topic(topic).partitions[partition].open_from = None
        self.hole(topic, partition)

    def abort(self, topic: str, partition: int = 0) -> None:
        """End the transaction: its records leave holes."""
        log = self.topic(topic).partitions[partition]
        log.keep(0, log.latest)
        self.commit(topic, partition)

    def stall(self, topic: str, partition: int = 0) -> None:
        """Let the 5 s pass after which an open transaction is told to readers."""
        for told in list(self._on_stalled):
            told(self.topic(topic), partition)

    def trim(self, topic: str, before: int, partition: int = 0) -> None:
        """Drop the records before an offset, as retention does."""
        log = self.topic(topic).partitions[partition]
        log.earliest = min(before, log.end)
        log.keep(log.earliest, log.end)
        self._changed()

    def truncate(self, topic: str, end: int, partition: int = 0) -> None:
        """Cut the log at an offset, as an unclean election does."""
        log = self.topic(topic).partitions[partition]
        log.keep(log.earliest, end)
        log.end = end
        self._changed()

    # --- the broker ---

    @property
    def away(self) -> bool:
        """Whether the broker is away; tails wait until it is back."""
        return self._away

    @away.setter
    def away(self, away: bool) -> None:
        self._away = away
        self._changed()

    def check(self) -> None:
        """Raise BrokerUnavailable while the broker is away."""
        if self._away:
            raise BrokerUnavailable("No broker answered.", cause="it is switched off")

    def observe(self, changed: Callable[[], None], stalled: Callable[[MemoryTopic, int], None]) -> None:
        """Tell a tail of each change and each stalled transaction."""
        self._on_change.append(changed)
        self._on_stalled.append(stalled)

    def forget(self, changed: Callable[[], None], stalled: Callable[[MemoryTopic, int], None]) -> None:
        """Tell it no more."""
        self._on_change.remove(changed)
        self._on_stalled.remove(stalled)

    def _changed(self) -> None:
        for changed in list(self._on_change):
            changed()
