"""The TopicAdmin on Kafka. It blocks, so call it in a thread.

Every call ends within its deadline, and 1.5 s later where it is to find out why no broker answered.
"""

import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from concurrent.futures import Future
from typing import TypeVar

from confluent_kafka import (
    IsolationLevel,
    KafkaException,
    TopicCollection,
    TopicPartition,
)
from confluent_kafka.admin import AdminClient
from confluent_kafka.admin._config import AlterConfigOpType, ConfigEntry, ConfigResource, ConfigSource
from confluent_kafka.admin._listoffsets import OffsetSpec
from confluent_kafka.admin._topic import TopicDescription
from confluent_kafka.cimpl import NewPartitions
from confluent_kafka.cimpl import NewTopic as ClientNewTopic

from tailrace.core.cursors import topic_tag, valid_topic_name
from tailrace.core.errors import BadRequest, BrokerUnavailable, TailraceError, TopicNotFound
from tailrace.core.ports import NewTopic, PartitionDetail, TopicDetail, check_partitions, internal_topic
from tailrace.kafka.admin_config import refused
from tailrace.kafka.connection import asking_settings, known_offset
from tailrace.kafka.settings import ClientSettings, client_config
from tailrace.kafka.silence import Silence
from tailrace.kafka.topic_ids import topic_id_bytes

CALL_SECONDS = 10.0
# How often a change is looked for until every partition has it.
_LOOK_SECONDS = 0.02
_BROKERS_DEFAULT = -1
# Offsets of a partition that has no leader to ask.
_UNKNOWN_OFFSET = -1

_T = TypeVar("_T")
_Offsets = Mapping[tuple[str, int], int]


class KafkaAdmin:
    """Makes, shows and changes topics of a cluster; internal ones are shown, never changed."""

    def __init__(self, settings: ClientSettings, *, call_seconds: float = CALL_SECONDS) -> None:
        config = client_config(settings)
        self._client = AdminClient(asking_settings(config))
        self._silence = Silence(config)
        self._seconds = call_seconds
        self._cluster_id = ""

    def list_topics(self) -> Sequence[TopicDetail]:
        """All topics, without their configuration."""
        deadline = self._deadline()
        names = self._explained(
            lambda: self._ask("list topics", lambda: self._client.list_topics(timeout=_left(deadline)).topics)
        )
        return self._details(sorted(names), deadline)

    def describe(self, name: str) -> TopicDetail:
        """One topic."""
        deadline = self._deadline()
        details = self._details([_known_form(name)], deadline)
        if not details:
            raise _no_topic(name)
        return _with_config(details[0], self._config(name, deadline))

    def create(self, topics: Iterable[NewTopic]) -> None:
        """Make topics and wait until every partition can be used; none is made if one is malformed."""
        wanted = [_client_topic(topic) for topic in topics]
        if not wanted:
            return
        deadline = self._deadline()
        asked = self._client.create_topics(wanted, request_timeout=_left(deadline))
        self._done({f"make the topic {name!r}": future for name, future in asked.items()}, deadline)
        names = [topic.topic for topic in wanted]
        self._until(
            lambda: len(self._usable(names, deadline)) == len(names), f"make {', '.join(names)}", deadline
        )

    def configure(self, name: str, config: Mapping[str, str | None]) -> None:
        """Set values; None goes back to the broker's default."""
        deadline = self._deadline()
        entries = [
            ConfigEntry(
                key,
                value,
                incremental_operation=AlterConfigOpType.DELETE if value is None else AlterConfigOpType.SET,
            )
            for key, value in config.items()
        ]
        if not entries:
            self.describe(name)
            return
        resource = ConfigResource(ConfigResource.Type.TOPIC, _changeable(name), incremental_configs=entries)
        asked = self._client.incremental_alter_configs([resource], request_timeout=_left(deadline))
        self._done({f"configure the topic {name!r}": asked[resource]}, deadline)

    def grow(self, name: str, partitions: int) -> None:
        """Raise the number of partitions and wait until each can be used."""
        deadline = self._deadline()
        check_partitions(name, partitions)
        asked = self._client.create_partitions(
            [NewPartitions(_changeable(name), partitions)], request_timeout=_left(deadline)
        )
        self._done({f"grow the topic {name!r}": asked[name]}, deadline)
        self._until(lambda: self._usable([name], deadline).get(name) == partitions, f"grow {name}", deadline)

    def delete(self, name: str) -> None:
        """Delete the topic and its records, and wait until it is gone."""
        deadline = self._deadline()
        asked = self._client.delete_topics([_changeable(name)], request_timeout=_left(deadline))
        self._done({f"delete the topic {name!r}": asked[name]}, deadline)
        self._until(lambda: not self._descriptions([name], deadline), f"delete {name}", deadline)

    # --- what topics are ---

    def _details(self, names: Sequence[str], deadline: float) -> list[TopicDetail]:
        topics = self._descriptions(names, deadline)
        led = [
            TopicPartition(topic.name, partition.id)
            for topic in topics
            for partition in topic.partitions
            if partition.leader is not None
        ]
        earliest = self._offsets(led, OffsetSpec.earliest(), deadline)  # type: ignore[no-untyped-call]  # the client's omission
        latest = self._offsets(led, OffsetSpec.latest(), deadline)  # type: ignore[no-untyped-call]  # the client's omission
        cluster = self._cluster(deadline) if topics else ""
        return [_detail(topic, cluster, earliest, latest) for topic in topics]

    def _descriptions(self, names: Sequence[str], deadline: float) -> list[TopicDescription]:
        if not names:
            return []
        asked = self._client.describe_topics(TopicCollection(list(names)), request_timeout=_left(deadline))
        found = []
        for name, future in asked.items():
            try:
                found.append(self._result(f"describe the topic {name!r}", future, deadline))
            except TopicNotFound:
                continue
        return found

    def _usable(self, names: Sequence[str], deadline: float) -> Mapping[str, int]:
        """The number of partitions of each topic whose partitions all have a leader that knows it.

        A leader named by the controller may not know of it yet: it has to answer for the partition.
        """
        topics = self._details(names, deadline)
        return {
            t.name: len(t.partitions)
            for t in topics
            if t.partitions and all(p.latest != _UNKNOWN_OFFSET for p in t.partitions)
        }

    def _offsets(self, places: Sequence[TopicPartition], spec: OffsetSpec, deadline: float) -> _Offsets:
        if not places:
            return {}
        asked = self._client.list_offsets(
            dict.fromkeys(places, spec),
            isolation_level=IsolationLevel.READ_COMMITTED,
            request_timeout=_left(deadline),
        )
        offsets = {}
        for place, future in asked.items():
            try:
                answer = self._wait("ask offsets", future, deadline)
            except (TopicNotFound, BrokerUnavailable):
                # Deleted or without a leader since it was described: shown with unknown offsets.
                continue
            offset = known_offset(answer.offset)
            if offset is not None:
                offsets[place.topic, place.partition] = offset
        return offsets

    def _config(self, name: str, deadline: float) -> Mapping[str, str]:
        resource = ConfigResource(ConfigResource.Type.TOPIC, name)
        asked = self._client.describe_configs([resource], request_timeout=_left(deadline))
        entries = self._result(f"describe the topic {name!r}", asked[resource], deadline)
        ours = ConfigSource.DYNAMIC_TOPIC_CONFIG.value
        return {key: entry.value or "" for key, entry in sorted(entries.items()) if entry.source == ours}

    def _cluster(self, deadline: float) -> str:
        if not self._cluster_id:
            asked = self._client.describe_cluster(request_timeout=_left(deadline))
            self._cluster_id = str(self._result("ask the cluster's id", asked, deadline).cluster_id)
        return self._cluster_id

    # --- asking ---

    def _deadline(self) -> float:
        return time.monotonic() + self._seconds

    def _done(self, asked: Mapping[str, "Future[None]"], deadline: float) -> None:
        """Wait for all, then raise the first error."""
        errors = []
        for what, future in asked.items():
            try:
                self._wait(what, future, deadline)
            except TailraceError as error:
                errors.append(error)
        if errors:
            raise self._silence.explained(errors[0])

    def _result(self, what: str, future: "Future[_T]", deadline: float) -> _T:
        return self._explained(lambda: self._wait(what, future, deadline))

    def _explained(self, question: Callable[[], _T]) -> _T:
        """A question whose error says why no broker answered."""
        try:
            return question()
        except BrokerUnavailable as error:
            raise self._silence.explained(error) from None

    def _wait(self, what: str, future: "Future[_T]", deadline: float) -> _T:
        # Half a second more than the request itself: its own error says more.
        return self._ask(what, lambda: future.result(_left(deadline) + 0.5))

    def _ask(self, what: str, question: Callable[[], _T]) -> _T:
        try:
            return question()
        except KafkaException as error:
            raise refused(error.args[0], f"Could not {what}.") from None
        except TimeoutError:
            raise BrokerUnavailable(f"Could not {what}: no broker answered in {self._seconds:g} s.") from None

    def _until(self, done: Callable[[], bool], what: str, deadline: float) -> None:
        while not done():
            if time.monotonic() > deadline:
                raise BrokerUnavailable(
                    f"The cluster did not {what} on all brokers in {self._seconds:g} s.",
                    hint="It may still come; look at the topic before you try again.",
                )
            time.sleep(_LOOK_SECONDS)


def _left(deadline: float) -> float:
    return max(0.1, deadline - time.monotonic())


def _no_topic(name: str) -> TopicNotFound:
    return TopicNotFound(f"There is no topic {name[:249]!r}.")


def _known_form(name: str) -> str:
    if not valid_topic_name(name):
        raise _no_topic(name)
    return name


def _changeable(name: str) -> str:
    if internal_topic(name):
        raise BadRequest(f"The topic {name[:249]!r} is internal and cannot be changed.")
    return _known_form(name)


def _client_topic(topic: NewTopic) -> ClientNewTopic:
    if not valid_topic_name(topic.name):
        raise BadRequest(
            f"{topic.name[:80]!r} is no topic name.",
            hint="1 to 249 letters, digits, dots, underscores and hyphens.",
        )
    if topic.partitions is not None:
        check_partitions(topic.name, topic.partitions)
    if topic.replicas is not None and topic.replicas < 1:
        raise BadRequest(f"The topic {topic.name!r} cannot have {topic.replicas} replicas.")
    return ClientNewTopic(
        _changeable(topic.name),
        topic.partitions or _BROKERS_DEFAULT,
        topic.replicas or _BROKERS_DEFAULT,
        config=dict(topic.config),
    )


def _detail(topic: TopicDescription, cluster: str, earliest: _Offsets, latest: _Offsets) -> TopicDetail:
    partitions = [
        PartitionDetail(
            partition.id,
            partition.leader.id if partition.leader else None,
            [node.id for node in partition.replicas],
            [node.id for node in partition.isr],
            earliest.get((topic.name, partition.id), _UNKNOWN_OFFSET),
            latest.get((topic.name, partition.id), _UNKNOWN_OFFSET),
        )
        for partition in topic.partitions
    ]
    tag = topic_tag(cluster, topic_id_bytes(topic.topic_id))
    internal = topic.is_internal or internal_topic(topic.name)
    return TopicDetail(topic.name, tag, partitions, internal=internal)


def _with_config(topic: TopicDetail, config: Mapping[str, str]) -> TopicDetail:
    return TopicDetail(topic.name, topic.tag, topic.partitions, config, topic.internal)
