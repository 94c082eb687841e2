"""The LogReader on Kafka: questions by an administrator's client, reads by a pool of consumers."""

import asyncio
import time
from collections import OrderedDict
from collections.abc import Awaitable, Mapping, Sequence
from functools import partial
from typing import TypeVar

from confluent_kafka import IsolationLevel, KafkaException, TopicCollection, TopicPartition
from confluent_kafka.admin import AdminClient
from confluent_kafka.admin._listoffsets import OffsetSpec

from tailrace.core.cursors import topic_tag
from tailrace.core.errors import BrokerUnavailable, TopicNotFound
from tailrace.core.ports import Block, PartitionsUnavailable, TopicInfo, internal_topic
from tailrace.kafka import connection
from tailrace.kafka.answers import all_answers
from tailrace.kafka.connection import ClientSettings
from tailrace.kafka.errors import translate_question
from tailrace.kafka.gathered import GatheredCalls
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
# Streams of many topics that begin at once: question by question, 200 a second kept two cores busy.
UNDER_WAY = 2
TOPICS_AT_ONCE = 100
# A topic of more partitions is asked about alone, and so is one of which some did not answer: the others
# would wait for it.
PARTITIONS_AMONG_OTHERS = 50
MOST_ASKED_ALONE = 10_000

_EARLIEST = OffsetSpec.earliest()  # type: ignore[no-untyped-call]  # the client's omission
_LATEST = OffsetSpec.latest()  # type: ignore[no-untyped-call]  # likewise

# By partition; None where no broker can be asked.
_Offsets = Mapping[int, int | None]
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
        self._asked_alone: dict[str, None] = {}
        self._describing = GatheredCalls(self._describe, under_way=UNDER_WAY, most=TOPICS_AT_ONCE)
        self._bounds = {
            spec: GatheredCalls(
                partial(self._ask_offsets, spec=spec), under_way=UNDER_WAY, most=TOPICS_AT_ONCE
            )
            for spec in (_EARLIEST, _LATEST)
        }

    async def describe(self, topics: Sequence[str]) -> Mapping[str, TopicInfo]:
        """What the named topics are; a topic that does not exist is left out."""
        if not topics:
            return {}
        if len(topics) == 1:
            info = await self._describing(topics[0])
            return {} if info is None else {topics[0]: info}
        found: dict[str, TopicInfo] = {}
        for name, answer in (await self._describe(topics)).items():
            if isinstance(answer, BaseException):
                raise answer
            found[name] = answer
        return found

    async def _describe(self, topics: Sequence[str]) -> Mapping[str, TopicInfo | BaseException]:
        """Each topic that there is, or why that can't be known."""
        cluster = self._cluster_id or await self._ask_cluster_id()
        asked = self._admin.describe_topics(TopicCollection(list(topics)), request_timeout=ANSWER_SECONDS)
        answers = await all_answers(asked.values())
        found: dict[str, TopicInfo | BaseException] = {}
        for name, answer in zip(asked, answers, strict=True):
            if not isinstance(answer, BaseException):
                tag = topic_tag(cluster, topic_id_bytes(answer.topic_id))
                found[name] = TopicInfo(name, tag, len(answer.partitions))
                self._remember(name, len(answer.partitions))
                self._tags.note(name, tag)
            elif not isinstance(error := _error(f"describe the topic {name!r}", answer), TopicNotFound):
                found[name] = error
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

    async def _offsets(self, topic: str, spec: OffsetSpec) -> _Offsets:
        shared = self._bounds.get(spec)
        if shared is None or topic in self._asked_alone or self._partitions(topic) > PARTITIONS_AMONG_OTHERS:
            answer = (await self._ask_offsets([topic], spec))[topic]
            if isinstance(answer, BaseException):
                raise answer
            return answer
        return await shared(topic) or {}

    async def _ask_offsets(
        self, topics: Sequence[str], spec: OffsetSpec
    ) -> Mapping[str, _Offsets | BaseException]:
        known = {topic: count for topic in topics if (count := self._partitions(topic))}
        found = await self._list_offsets(known, spec)
        # Made again with fewer partitions, or not there any more: the description tells.
        rest = [topic for topic in topics if topic not in known or isinstance(found[topic], TopicNotFound)]
        if rest:
            found |= {topic: TopicNotFound(f"There is no topic {topic!r}.") for topic in rest}
            described = await self._describe(rest)
            found |= {name: info for name, info in described.items() if isinstance(info, BaseException)}
            counts = {
                name: info.partitions for name, info in described.items() if isinstance(info, TopicInfo)
            }
            found |= await self._list_offsets(counts, spec)
        self._note_silent(found)
        return found

    async def _list_offsets(
        self, partitions: Mapping[str, int], spec: OffsetSpec
    ) -> dict[str, _Offsets | BaseException]:
        """By topic, of so many partitions each."""
        if not partitions:
            return {}
        asked = self._admin.list_offsets(
            {TopicPartition(topic, p): spec for topic, count in partitions.items() for p in range(count)},
            isolation_level=IsolationLevel.READ_COMMITTED,
            request_timeout=OFFSETS_SECONDS,
        )
        answers = await all_answers(asked.values())
        offsets: dict[str, dict[int, int | None]] = {topic: {} for topic in partitions}
        failed: dict[str, BaseException] = {}
        for place, answer in zip(asked, answers, strict=True):
            if not isinstance(answer, BaseException):
                offsets[place.topic][place.partition] = connection.known_offset(answer.offset)
            elif isinstance(
                error := _error(f"ask the offsets of {place.topic!r}", answer), BrokerUnavailable
            ):
                offsets[place.topic][place.partition] = None
            else:
                failed[place.topic] = error
        return {**offsets, **failed}

    def _note_silent(self, found: Mapping[str, _Offsets | BaseException]) -> None:
        for topic, offsets in found.items():
            self._asked_alone.pop(topic, None)
            if not isinstance(offsets, BaseException) and None in offsets.values():
                self._asked_alone[topic] = None
        while len(self._asked_alone) > MOST_ASKED_ALONE:
            del self._asked_alone[next(iter(self._asked_alone))]

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
