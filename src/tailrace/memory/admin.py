"""Topics in memory, as an administrator sees them."""

from collections.abc import Iterable, Mapping, Sequence

from tailrace.core.errors import BadRequest
from tailrace.core.ports import NewTopic, PartitionDetail, TopicDetail
from tailrace.memory.log import MemoryLog, MemoryPartition, MemoryTopic

# The one broker that a memory log pretends to have.
BROKER_ID = 1


class MemoryAdmin:
    """The TopicAdmin of a MemoryLog."""

    def __init__(self, log: MemoryLog) -> None:
        self._log = log

    def list_topics(self) -> Sequence[TopicDetail]:
        """All topics, without their configuration."""
        self._log.check()
        return [_detail(topic, {}) for topic in self._log.topics()]

    def describe(self, name: str) -> TopicDetail:
        """One topic."""
        topic = self._topic(name)
        return _detail(topic, dict(topic.config))

    def create(self, topics: Iterable[NewTopic]) -> None:
        """Make topics."""
        self._log.check()
        for new in topics:
            partitions = 1 if new.partitions is None else new.partitions
            if partitions < 1:
                raise BadRequest(f"The topic {new.name!r} needs at least one partition.")
            self._log.create(new.name, partitions).config.update(new.config)

    def configure(self, name: str, config: Mapping[str, str | None]) -> None:
        """Set values; None goes back to the default."""
        topic = self._topic(name)
        for key, value in config.items():
            if value is None:
                topic.config.pop(key, None)
            else:
                topic.config[key] = value

    def grow(self, name: str, partitions: int) -> None:
        """Raise the number of partitions."""
        self._log.check()
        self._log.grow(name, partitions)

    def delete(self, name: str) -> None:
        """Delete the topic and its records."""
        self._log.check()
        self._log.delete(name)

    def _topic(self, name: str) -> MemoryTopic:
        self._log.check()
        return self._log.topic(name)


def _detail(topic: MemoryTopic, config: Mapping[str, str]) -> TopicDetail:
    partitions = [_partition(number, log) for number, log in enumerate(topic.partitions)]
    return TopicDetail(topic.name, topic.tag, partitions, config, topic.name.startswith("__"))


def _partition(number: int, log: MemoryPartition) -> PartitionDetail:
    return PartitionDetail(number, BROKER_ID, [BROKER_ID], [BROKER_ID], log.earliest, log.latest)
