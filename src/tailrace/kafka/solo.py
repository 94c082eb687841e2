"""The GroupReader without a group: everything, in this process, and nothing committed."""

import logging
import time
from collections.abc import Collection
from functools import partial
from uuid import uuid4

from confluent_kafka import OFFSET_BEGINNING, OFFSET_END, Consumer, KafkaException, TopicPartition

from tailrace.core.groups import Positions, StartAt
from tailrace.kafka.connection import ELECTION_SECONDS, QUESTION_SECONDS
from tailrace.kafka.errors import ELECTING, translate_exception
from tailrace.kafka.group import consumed, known_partitions, service_config
from tailrace.kafka.polled import KafkaPolled, trusted
from tailrace.kafka.settings import ClientSettings
from tailrace.kafka.settings_table import check_topics
from tailrace.kafka.topic_looks import TopicLooks

_log = logging.getLogger("tailrace.runtime")

# Topics that are missing are looked for so often, partitions that are added too.
MISSING_SECONDS = 1.0
GROWN_SECONDS = 30.0


class KafkaSoloReader:
    """Reads all partitions of the topics; see GroupReader."""

    def __init__(
        self,
        settings: ClientSettings,
        topics: Collection[str],
        start: StartAt,
        client_id: str,
        looks: TopicLooks,
    ) -> None:
        # The client wants a group's name, and never uses it.
        group = f"tailrace-unused-{uuid4().hex}"
        self._new_consumer = partial(Consumer, service_config(settings, client_id, group_id=group))
        self._consumer = self._new_consumer()
        self._looks = looks
        self._first = OFFSET_END if start == "latest" else OFFSET_BEGINNING
        # None is not known yet: no broker has answered.
        self._partitions: dict[str, int | None] = dict.fromkeys(check_topics(topics))
        # Where each partition was begun.
        self._begun: dict[tuple[str, int], int] = {}
        self._paused = False
        self._missing: set[str] = set()
        self.assigned = False
        self._look()

    def poll(self, most: int, seconds: float) -> KafkaPolled | None:
        """What has come, at most so many rows; waits for the first only."""
        if made_again := self._looks.made_again(time.monotonic()):
            self._begin_anew(made_again)
        if time.monotonic() > self._look_at:
            self._look()
        return trusted(consumed(self._consumer, most, seconds), self._missing)

    def pause(self) -> None:
        """Bring nothing more."""
        self._paused = True
        self._consumer.pause(self._consumer.assignment())

    def resume(self) -> None:
        """Go on after a pause."""
        self._paused = False
        self._consumer.resume(self._consumer.assignment())

    def commit(self, positions: Positions, *, wait: bool) -> None:
        """Nothing: whoever reads everything begins anew each time."""

    def uncommitted(self) -> bool:
        """Nothing is."""
        return False

    def close(self) -> None:
        """Stop reading."""
        self._consumer.close()

    def _look(self) -> None:
        places: list[TopicPartition] = []
        for topic in self._partitions:
            places += self._new(topic)
        try:
            if places:
                places = _with_ends(self._consumer, places)
                self._begun.update({(place.topic, place.partition): place.offset for place in places})
                self._consumer.incremental_assign(places)
                if self._paused:
                    self._consumer.pause(places)
        except KafkaException as error:
            raise translate_exception(error, "The topics cannot be read.") from None
        self.assigned = all(self._partitions.values())
        self._look_at = time.monotonic() + (GROWN_SECONDS if self.assigned else MISSING_SECONDS)

    def _begin_anew(self, topics: Collection[str]) -> None:
        """With a client that has not known the old topics; the others are read on where they are."""
        _log.warning("Made again since, so read from the first record: %s.", ", ".join(sorted(topics)))
        places = self._consumer.position(self._consumer.assignment())
        self._consumer.close()
        self._consumer = self._new_consumer()
        kept = [place for place in places if place.topic not in topics]
        for place in kept:
            if place.offset < 0:
                # Nothing of it was read yet.
                place.offset = self._begun[place.topic, place.partition]
        self._consumer.incremental_assign(kept)
        if self._paused:
            self._consumer.pause(kept)
        self._partitions.update(dict.fromkeys(topics, 0))
        self._look()

    def _new(self, topic: str) -> list[TopicPartition]:
        had, has = self._partitions[topic], known_partitions(self._consumer, topic)
        if has is None:
            return []
        if not has and topic not in self._missing:
            self._missing.add(topic)
            _log.warning("There is no topic %r yet: waiting until it is made.", topic)
        # What came after this reader is new to it as a whole.
        start = self._first if had is None else OFFSET_BEGINNING
        self._partitions[topic] = max(had or 0, has)
        return [TopicPartition(topic, partition, start) for partition in range(had or 0, has)]


def _with_ends(consumer: Consumer, places: list[TopicPartition]) -> list[TopicPartition]:
    """The places, the last stable offset in those that stand at the end: what comes from now on is past it.

    Left to the client, an end is asked for some time after the assignment. While a leader is silent all of
    them are left to the client all the same.
    """
    asked = [place for place in places if place.offset == OFFSET_END]
    found = {(end.topic, end.partition): end.offset for end in _ends(consumer, asked) if end.error is None}
    # Not what was answered itself, which has a leader's epoch.
    return [
        TopicPartition(place.topic, place.partition, found.get((place.topic, place.partition), place.offset))
        for place in places
    ]


def _ends(consumer: Consumer, places: list[TopicPartition]) -> list[TopicPartition]:
    deadline = time.monotonic() + QUESTION_SECONDS
    while places and (left := deadline - time.monotonic()) > 0:
        try:
            # To a broker the number is a time that stands for the end.
            return consumer.offsets_for_times(places, timeout=left)
        except KafkaException as error:
            _log.debug("No ends of %d partitions: %s", len(places), error)
            if error.args[0].code() not in ELECTING:
                break
            # The thread is this reader's own, and the client tells nobody when an election is over.
            time.sleep(ELECTION_SECONDS)
    return []
