"""The LogReader on Kafka: questions by an administrator's client, reads by a pool of consumers."""

import asyncio
import time
from collections import OrderedDict
from collections.abc import Awaitable, Mapping, Sequence
from typing import TypeVar

from confluent_kafka import IsolationLevel, KafkaException, TopicCollection, TopicPartition
from confluent_kafka.admin import AdminClient
from confluent_kafka.admin._listoffsets import OffsetSpec

from tailrace.core.cursors import topic_tag
from tailrace.core.errors import BrokerUnavailable, TopicNotFound
from tailrace.core.ports import Block, PartitionsUnavailable, TopicInfo, internal_topic
from tailrace.kafka import connection
from tailrace.kafka.connection import ClientSettings
from tailrace.kafka.errors import translate_question
from tailrace.kafka.reader_pool import CLOSE_SECONDS, CatchUpPool
from tailrace.kafka.topic_ids import topic_id_bytes
from tailrace.kafka.topic_tags import TopicTags

ANSWER_SECONDS = 10.0
# A leader that is silent holds back the others' answers: less than a stream waits for where it starts.
OFFSETS_SECONDS = 2.5
DEFAULT_CONSUMERS = 4
# A stream asks for two or three offsets as it begins, each needs the number of partitions: it is asked once.
DESCRIBED_SECONDS = 1.0
MOST_DESCRIBED = 1_000

_EARLIEST = OffsetSpec.earliest()  # type: ignore[no-untyped-call]  # the client's omission
_LATEST = OffsetSpec.latest()  # type: ignore[no-untyped-call]  # likewise

_T = TypeVar("_T")


class KafkaReader:
    """Reads a cluster; used on one event loop.

    Args:
        settings: librdkafka's settings that say where the cluster is and how to get in.
        consumers: how many catch-up reads run at a time.
        asking: the same for questions, where they are not asked as records are read.
        tags: where it notes which topics there are.
    """

    def __init__(
        self,
        settings: ClientSettings,
        consumers: int = DEFAULT_CONSUMERS,
        asking: ClientSettings | None = None,
        tags: TopicTags | None = None,
    ) -> None:
        self._admin = AdminClient(connection.asking_settings(asking or settings))
        self._pool = CatchUpPool(settings, consumers)
        self._tags = tags or TopicTags()
        self._cluster_id: str | None = None
        # By topic: its partitions, and when they were told; oldest first.
        self._described: OrderedDict[str, tuple[int, float]] = OrderedDict()

    async def describe(self, topics: Sequence[str]) -> Mapping[str, TopicInfo]:
        """What the named topics are; a topic that does not exist is left out."""
        if not topics:
            return {}
        cluster = self._cluster_id or await self._ask_cluster_id()
        asked = self._admin.describe_topics(TopicCollection(list(topics)), request_timeout=ANSWER_SECONDS)
        answers = await asyncio.gather(*map(asyncio.wrap_future, asked.values()), return_exceptions=True)
        found: dict[str, TopicInfo] = {}
        for name, answer in zip(asked, answers, strict=True):
            if not isinstance(answer, BaseException):
                tag = topic_tag(cluster, topic_id_bytes(answer.topic_id))
                found[name] = TopicInfo(name, tag, len(answer.partitions))
                self._remember(name, len(answer.partitions))
                self._tags.note(name, tag)
            elif not isinstance(error := _error(f"describe the topic {name!r}", answer), TopicNotFound):
                raise error from answer
        return found

    async def topic_names(self) -> Sequence[str]:
        """The names of all topics, internal ones left out."""
        # Without a name the question makes no topic; librdkafka offers it in a blocking form only.
        asked = asyncio.to_thread(self._admin.list_topics, timeout=ANSWER_SECONDS)
        names = (await _answer("list topics", asked)).topics
        return sorted(name for name in names if not internal_topic(name))

    async def earliest(self, topic: str) -> Mapping[int, int]:
        """The first offset that each partition still has."""
        return _whole(topic, await self._offsets(topic, _EARLIEST))

    async def latest(self, topic: str) -> Mapping[int, int]:
        """The last stable offset of each partition."""
        return _whole(topic, await self._offsets(topic, _LATEST))

    async def offsets_at(self, topic: str, timestamp: int) -> Mapping[int, int]:
        """The first offset of each partition at or after the time (ms), or its end."""
        found = await self._offsets(topic, OffsetSpec.for_timestamp(timestamp))
        if any(offset is not None and offset < 0 for offset in found.values()):
            # All its records are older.
            ends = await self._offsets(topic, _LATEST)
            found = {p: ends.get(p) if o is not None and o < 0 else o for p, o in found.items()}
        return _whole(topic, found)

    async def read(self, topic: str, partition: int, offset: int, max_bytes: int) -> Block:
        """The records from the offset on, about `max_bytes` of them."""
        return await self._pool.read(topic, self._tags.get(topic), partition, offset, max_bytes)

    def close(self, seconds: float = CLOSE_SECONDS) -> None:
        """End the consumers within the seconds."""
        self._pool.close(seconds)

    async def _offsets(self, topic: str, spec: OffsetSpec) -> Mapping[int, int | None]:
        """An offset of each partition; None where no broker can be asked about it."""
        known = self._partitions(topic)
        if known:
            try:
                return await self._list_offsets(topic, known, spec)
            except TopicNotFound:
                # Made again with fewer partitions, or not there any more: the description tells.
                pass
        info = (await self.describe([topic])).get(topic)
        if info is None:
            raise TopicNotFound(f"There is no topic {topic!r}.")
        return await self._list_offsets(topic, info.partitions, spec)

    async def _list_offsets(self, topic: str, partitions: int, spec: OffsetSpec) -> Mapping[int, int | None]:
        asked = self._admin.list_offsets(
            {TopicPartition(topic, p): spec for p in range(partitions)},
            isolation_level=IsolationLevel.READ_COMMITTED,
            request_timeout=OFFSETS_SECONDS,
        )
        offsets: dict[int, int | None] = {}
        for place, future in asked.items():
            try:
                answer = await _answer(f"ask the offsets of {topic!r}", asyncio.wrap_future(future))
                offsets[place.partition] = connection.known_offset(answer.offset)
            except BrokerUnavailable:
                offsets[place.partition] = None
        return offsets

    def _remember(self, topic: str, partitions: int) -> None:
        self._described[topic] = (partitions, time.monotonic())
        self._described.move_to_end(topic)
        if len(self._described) > MOST_DESCRIBED:
            self._described.popitem(last=False)

    def _partitions(self, topic: str) -> int:
        """How many a topic was said to have a moment ago; 0 if nothing was."""
        partitions, at = self._described.get(topic, (0, 0.0))
        return partitions if time.monotonic() - at < DESCRIBED_SECONDS else 0

    async def _ask_cluster_id(self) -> str:
        asked = asyncio.wrap_future(self._admin.describe_cluster(request_timeout=ANSWER_SECONDS))
        self._cluster_id = str((await _answer("ask the cluster's id", asked)).cluster_id)
        return self._cluster_id


def _whole(topic: str, offsets: Mapping[int, int | None]) -> Mapping[int, int]:
    known = {p: offset for p, offset in offsets.items() if offset is not None}
    if not known:
        raise BrokerUnavailable(
            f"No broker could be asked about {topic!r}.",
            hint="Check that the brokers run and can be reached from here.",
        )
    if len(known) < len(offsets):
        raise PartitionsUnavailable(topic, offsets.keys() - known, known)
    return known


async def _answer(what: str, asked: Awaitable[_T]) -> _T:
    try:
        return await asked
    except KafkaException as error:
        raise _error(what, error) from error


def _error(what: str, error: BaseException) -> BaseException:
    return (
        translate_question(error.args[0], f"Could not {what}.")
        if isinstance(error, KafkaException)
        else error
    )
