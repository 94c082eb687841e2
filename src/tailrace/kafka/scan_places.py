"""Where a scan starts and stops in each partition, asked of the brokers."""

import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from concurrent.futures import Future
from dataclasses import dataclass
from typing import Any, TypeAlias, TypeVar

from confluent_kafka import IsolationLevel, KafkaException, TopicCollection, TopicPartition
from confluent_kafka.admin import AdminClient, ListOffsetsResultInfo, OffsetSpec  # type: ignore[attr-defined]  # they are public
from confluent_kafka.admin._cluster import DescribeClusterResult
from confluent_kafka.admin._topic import TopicDescription

from tailrace.core.cursors import Cursor, Position, topic_tag
from tailrace.core.errors import BadRequest, BrokerUnavailable, TopicNotFound
from tailrace.core.ports import TopicInfo
from tailrace.core.scans import Missing
from tailrace.core.starts import Edge, Last, Moment, Start
from tailrace.kafka.connection import ELECTION_SECONDS, asking_settings, known_offset
from tailrace.kafka.errors import ELECTING, translate_exception
from tailrace.kafka.silence import Silence
from tailrace.kafka.topic_ids import topic_id_bytes

# A person waits for it: long enough for a broker that elects, short enough to say that none is there.
ANSWER_SECONDS = 5.0

Place = tuple[str, int]
Places = dict[Place, int]
# Timestamp and offset of the records of one partition from an offset to another, in order.
Peek = Callable[[Place, int, int], list[tuple[int, int]]]

Asked: TypeAlias = "Mapping[TopicPartition, Future[ListOffsetsResultInfo]]"

_T = TypeVar("_T")


@dataclass(frozen=True, slots=True)
class Range:
    """What a partition holds: its first offset and its last stable one."""

    earliest: int
    latest: int


class Questions:
    """What a scan asks about topics."""

    def __init__(self, config: Mapping[str, Any]) -> None:
        self._admin = AdminClient(asking_settings(config))
        self._servers = config.get("bootstrap.servers")
        self._silence = Silence(config)
        self._cluster_id = ""

    def reach(self) -> None:
        """Make sure that a broker answers."""
        self._cluster(self._admin.describe_cluster(request_timeout=ANSWER_SECONDS))

    def topics(self, names: Sequence[str]) -> dict[str, TopicInfo]:
        """The named topics, each with its tag; TopicNotFound if one does not exist."""
        cluster = self._admin.describe_cluster(request_timeout=ANSWER_SECONDS)
        asked = self.ask(names)
        self._cluster_id = str(self._cluster(cluster).cluster_id)
        return {name: self.info(name, future) for name, future in asked.items()}

    def _cluster(self, asked: "Future[DescribeClusterResult]") -> DescribeClusterResult:
        try:
            return _answer(asked, f"No broker answered at {self._servers}.")
        except BrokerUnavailable as error:
            raise self._silence.explained(error) from None

    def ask(self, names: Sequence[str]) -> "Mapping[str, Future[TopicDescription]]":
        """Ask what topics are, without waiting for the answer."""
        return self._admin.describe_topics(TopicCollection(list(names)), request_timeout=ANSWER_SECONDS)

    def info(self, name: str, asked: "Future[TopicDescription]") -> TopicInfo:
        """What was answered about a topic."""
        try:
            topic = _answer(asked, f"The topic {name!r} cannot be read.")
        except TopicNotFound as error:
            raise TopicNotFound(f"There is no topic {name!r}.", hint=error.hint) from None
        tag = topic_tag(self._cluster_id, topic_id_bytes(topic.topic_id))
        return TopicInfo(name, tag, len(topic.partitions))

    def ranges(self, places: Sequence[Place]) -> dict[Place, Range]:
        """What each partition holds now."""
        earliest = self.offsets(places, OffsetSpec.earliest())  # type: ignore[no-untyped-call]  # theirs
        latest = self.offsets(places, OffsetSpec.latest())  # type: ignore[no-untyped-call]  # theirs
        return {place: Range(earliest[place], latest[place]) for place in places}

    def offsets(self, places: Iterable[Place], spec: OffsetSpec) -> Places:
        """One offset of each partition; negative where there is none such."""

        def ask(asked: Sequence[Place]) -> Asked:
            return self._admin.list_offsets(
                {TopicPartition(*place): spec for place in asked},
                isolation_level=IsolationLevel.READ_COMMITTED,
                request_timeout=ANSWER_SECONDS,
            )

        return led_offsets(ask, places, time.monotonic() + ANSWER_SECONDS)


def led_offsets(ask: Callable[[Sequence[Place]], Asked], places: Iterable[Place], deadline: float) -> Places:
    """One offset of each partition; asks again, until the deadline, where a leader is only just elected."""
    found: Places = {}
    left = list(places)
    while left:
        asked = {(at.topic, at.partition): future for at, future in ask(left).items()}
        left = [place for place, future in asked.items() if _is_electing(future)]
        if time.monotonic() > deadline:
            left = []
        found |= {place: _offset(place, future) for place, future in asked.items() if place not in left}
        if left:
            time.sleep(ELECTION_SECONDS)
    return found


def _is_electing(asked: "Future[ListOffsetsResultInfo]") -> bool:
    error = asked.exception()
    return isinstance(error, KafkaException) and error.args[0].code() in ELECTING


def _offset(place: Place, asked: "Future[ListOffsetsResultInfo]") -> int:
    offset = known_offset(_answer(asked, "The topic's offsets cannot be asked.").offset)
    if offset is None:
        raise BrokerUnavailable(f"The broker that leads {place[0]}/{place[1]} does not answer.")
    return offset


def _answer(future: "Future[_T]", detail: str) -> _T:
    try:
        return future.result()
    except KafkaException as error:
        translated = translate_exception(error, detail)
        if isinstance(translated, TopicNotFound):
            translated.hint = "`tailrace topics list` shows the topics that there are."
        raise translated from None


def chosen_places(topics: Mapping[str, TopicInfo], partitions: frozenset[int] | None) -> list[Place]:
    """The partitions to read; BadRequest if one of those asked for does not exist."""
    places: list[Place] = []
    for name, topic in topics.items():
        wanted = range(topic.partitions) if partitions is None else sorted(partitions)
        if wanted and wanted[-1] >= topic.partitions:
            raise BadRequest(
                f"The topic {name!r} has no partition {wanted[-1]}.",
                hint=f"Its partitions are 0 to {topic.partitions - 1}.",
            )
        places += [(name, partition) for partition in wanted]
    return places


class Resolver:
    """Turns a start as typed into offsets."""

    def __init__(
        self,
        questions: Questions,
        topics: Mapping[str, TopicInfo],
        ranges: Mapping[Place, Range],
        peek: Peek,
    ) -> None:
        self._questions = questions
        self._topics = topics
        self._ranges = ranges
        self._peek = peek

    def resolve(self, start: Start) -> tuple[Places, list[Missing]]:
        """The offset of each partition that a start means now, and what is not there any more."""
        if isinstance(start, Edge):
            side = "earliest" if start.side == "beginning" else "latest"
            return {place: getattr(range_, side) for place, range_ in self._ranges.items()}, []
        if isinstance(start, Moment):
            return self._at_moment(start.timestamp, self._ranges), []
        if isinstance(start, Last):
            return self._last(start.count), []
        return self._at_cursor(start)

    def _at_moment(self, timestamp: int, places: Iterable[Place]) -> Places:
        found = self._questions.offsets(places, OffsetSpec.for_timestamp(timestamp))
        # Negative says that all records are older.
        return {p: o if o >= 0 else self._ranges[p].latest for p, o in found.items()}

    def _at_cursor(self, cursor: Cursor) -> tuple[Places, list[Missing]]:
        places: Places = {}
        missing: list[Missing] = []
        for place, range_ in self._ranges.items():
            wanted = self._wanted(cursor, place)
            gap = self._gap(cursor, place, wanted, range_)
            if gap:
                missing.append(gap)
            recreated = gap and gap.cause == "recreated"
            places[place] = range_.earliest if recreated else min(max(wanted, range_.earliest), range_.latest)
        return places, missing

    def _wanted(self, cursor: Cursor, place: Place) -> int:
        part = cursor.topics.get(place[0])
        position = part.positions.get(place[1], Position()) if part else Position()
        if position.timestamp is not None:
            return self._at_moment(position.timestamp, [place])[place]
        return position.offset

    def _gap(self, cursor: Cursor, place: Place, wanted: int, range_: Range) -> Missing | None:
        topic, partition = place
        part = cursor.topics.get(topic)
        # A topic or partition that the cursor does not name: nothing of it was promised.
        if part is None or partition not in part.positions:
            return None
        if part.tag and part.tag != self._topics[topic].tag:
            return Missing(topic, partition, wanted, None, "recreated")
        if wanted < range_.earliest:
            return Missing(topic, partition, wanted, range_.earliest, "retention")
        if wanted > range_.latest:
            return Missing(topic, partition, range_.latest, wanted, "truncated")
        return None

    def _last(self, count: int) -> Places:
        """Each partition's part of the last `count` records over all, the newest timestamps."""
        tails = {place: self._tail(place, count) for place in self._ranges}
        starts = {place: range_.latest for place, range_ in self._ranges.items()}
        for _ in range(count):
            newest = max((p for p in tails if tails[p]), key=lambda p: tails[p][-1], default=None)
            if newest is None:
                break
            starts[newest] = tails[newest].pop()[1]
        return starts

    def _tail(self, place: Place, count: int) -> list[tuple[int, int]]:
        """A partition's last records; offsets have holes, so it looks further back until it has enough."""
        range_, back = self._ranges[place], count
        while True:
            start = max(range_.earliest, range_.latest - back)
            found = self._peek(place, start, range_.latest) if start < range_.latest else []
            if len(found) >= count or start == range_.earliest:
                return found[-count:] if count else []
            back *= 4
