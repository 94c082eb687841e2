"""What one tail consumer reads, and where it stands in each partition; known to its thread only."""

from dataclasses import dataclass, field

from confluent_kafka import TopicPartition

from tailrace.core.records import Chunk

STALLED_SECONDS = 5.0


@dataclass(slots=True, eq=False)
class AssignedPartition:
    """One partition: `position` is the next offset."""

    topic: str
    partition: int
    watch: int
    position: int
    asked: TopicPartition = field(init=False)
    # Waits for an answer about a lost position; later errors of it mean nothing.
    lost_code: int | None = None
    # Not assigned at present, while it is searched where it goes on.
    given_up: bool = False
    # Where and since when records beyond the position exist without being read.
    behind_at: int = -1
    behind_since: float = 0.0
    told_end: int = -1

    def __post_init__(self) -> None:
        self.asked = TopicPartition(self.topic, self.partition)

    def start(self) -> TopicPartition:
        """What to assign."""
        return TopicPartition(self.topic, self.partition, self.position)

    def looks_stalled(self, end: int, now: float) -> bool:
        """Whether records up to `end` exist for 5 s without one read; true once for each end told."""
        if end <= self.position or end == self.told_end:
            self.behind_at = -1
            return False
        if self.behind_at != self.position:
            self.behind_at, self.behind_since = self.position, now
        return now - self.behind_since >= STALLED_SECONDS


class Assignment:
    """All partitions of a consumer, by topic."""

    def __init__(self) -> None:
        self._topics: dict[str, dict[int, AssignedPartition]] = {}

    def __bool__(self) -> bool:
        return bool(self._topics)

    def add(self, part: AssignedPartition) -> None:
        """Take a partition in."""
        self._topics.setdefault(part.topic, {})[part.partition] = part

    def remove(self, topic: str) -> list[AssignedPartition]:
        """Give up a topic; its partitions."""
        return list(self._topics.pop(topic, {}).values())

    def of(self, topic: str) -> list[AssignedPartition]:
        """The partitions of a topic."""
        return list(self._topics.get(topic, {}).values())

    def get(self, topic: str | None, partition: int | None) -> AssignedPartition | None:
        """That partition, if it is read."""
        return self._topics.get(topic or "", {}).get(-1 if partition is None else partition)

    def all(self) -> list[AssignedPartition]:
        """Every partition."""
        return [part for partitions in self._topics.values() for part in partitions.values()]

    def moved(self, chunk: Chunk) -> int | None:
        """Note what was read; the watch it belongs to, None if the topic is not read any more."""
        partitions = self._topics.get(chunk.topic)
        if partitions is None:
            return None
        watch = None
        for run in chunk.runs:
            part = partitions.get(run.partition)
            if part is not None:
                part.position = chunk.offsets[run.stop - 1] + 1
                watch = part.watch
        return watch
