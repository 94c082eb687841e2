"""Topics in memory, as an administrator sees them."""

from collections.abc import Iterable, Mapping, Sequence

from tailrace.core.cursors import valid_topic_name
from tailrace.core.errors import BadRequest
from tailrace.core.ports import NewTopic, PartitionDetail, TopicDetail, check_partitions, internal_topic
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
        """Make topics; none is made if one is malformed."""
        self._log.check()
        wanted = list(topics)
        for new in wanted:
            _check(new)
        for new in wanted:
            self._log.create(new.name, new.partitions or 1).config.update(new.config)

    def configure(self, name: str, config: Mapping[str, str | None]) -> None:
        """Set values; None goes back to the default."""
        topic = self._changeable(name)
        for key, value in config.items():
            if value is None:
                topic.config.pop(key, None)
            else:
                topic.config[key] = value

    def grow(self, name: str, partitions: int) -> None:
        """Raise the number of partitions."""
        topic = self._changeable(name)
        check_partitions(name, partitions)
        self._log.grow(topic.name, partitions)

    def delete(self, name: str) -> None:
        """Delete the topic and its records."""
        self._log.delete(self._changeable(name).name)

    def _topic(self, name: str) -> MemoryTopic:
        self._log.check()
        return self._log.topic(name)

    def _changeable(self, name: str) -> MemoryTopic:
        _refuse_internal(name)
        return self._topic(name)


def _refuse_internal(name: str) -> None:
    if internal_topic(name):
        raise BadRequest(f"The topic {name[:249]!r} is internal and cannot be changed.")


def _check(new: NewTopic) -> None:
    if not valid_topic_name(new.name):
        raise BadRequest(f"{new.name[:80]!r} is no topic name.")
    _refuse_internal(new.name)
    if new.partitions is not None:
        check_partitions(new.name, new.partitions)
    if new.replicas not in {None, 1}:
        raise BadRequest(f"The topic {new.name!r} cannot have {new.replicas} replicas: there is one broker.")


def _detail(topic: MemoryTopic, config: Mapping[str, str]) -> TopicDetail:
    partitions = [_partition(number, log) for number, log in enumerate(topic.partitions)]
    return TopicDetail(topic.name, topic.tag, partitions, config, internal_topic(topic.name))


def _partition(number: int, log: MemoryPartition) -> PartitionDetail:
    return PartitionDetail(number, BROKER_ID, [BROKER_ID], [BROKER_ID], log.earliest, log.latest)
