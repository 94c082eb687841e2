"""The GroupReader on Kafka: a member of a consumer group."""

import logging
import time
from collections.abc import Callable, Collection, Sequence
from functools import partial
from typing import Any

from confluent_kafka import (
    OFFSET_BEGINNING,
    Consumer,
    KafkaError,
    KafkaException,
    Message,
    TopicPartition,
)

from tailrace.core.errors import TailraceError
from tailrace.core.groups import OnRevoked, Positions, Spot, StartAt
from tailrace.kafka.connection import ask_metadata
from tailrace.kafka.errors import translate_exception
from tailrace.kafka.polled import PASSING, KafkaPolled, trusted
from tailrace.kafka.settings import LOGGER, ClientSettings, reading_config
from tailrace.kafka.settings_table import check_topics
from tailrace.kafka.topic_looks import TopicLooks

_log = logging.getLogger("tailrace.runtime")

# For questions to the group's coordinator while partitions are taken over.
QUESTION_SECONDS = 10.0
# A topic that does not exist yet is noticed so soon, a partition that is added too.
METADATA_MS = 1_000
# Questions that nobody has answered are asked again after this.
LATE_SECONDS = 1.0
# Heartbeats come from a thread of the client, whatever a handler does: a member that is killed is missed
# after this. The client's own default is 45 s.
SESSION_MS = 10_000
# A member hears by a heartbeat that partitions are shared anew: everybody waits for the last one.
HEARTBEAT_MS = 1_000
# What is fetched but not polled, in KB; three batches of as much may wait to be handled. One answer of many
# partitions is 25 MB when it is unpacked: with less room fetching stops and goes, at half the speed.
BUFFER_KB = 65_536


def service_config(settings: ClientSettings, client_id: str, **more: object) -> dict[str, Any]:
    """What consumers of services are set to; `more` are librdkafka's names with underscores for dots."""
    return {
        "queued.min.messages": 100_000,
        "queued.max.messages.kbytes": BUFFER_KB,
        "topic.metadata.refresh.interval.ms": METADATA_MS,
        "reconnect.backoff.max.ms": 1_000,
        **reading_config(settings),
        # The default of 1,000 ms stalls bursts.
        "fetch.queue.backoff.ms": 10,
        **{name.replace("_", "."): value for name, value in more.items()},
        "client.id": client_id,
        "isolation.level": "read_committed",
        "check.crcs": True,
        # Places are chosen when partitions are taken over; this is for those that retention has overtaken.
        "auto.offset.reset": "earliest",
        "enable.auto.commit": False,
        "enable.auto.offset.store": False,
        "logger": LOGGER,
    }


class KafkaGroupReader:
    """A member; see GroupReader."""

    def __init__(
        self,
        settings: ClientSettings,
        topics: Collection[str],
        group: str,
        start: StartAt,
        client_id: str,
        on_revoked: OnRevoked,
        looks: TopicLooks,
    ) -> None:
        config = service_config(settings, client_id, group_id=group, on_commit=self._on_commit)
        config["on_commit"] = config.pop("on.commit")
        broker_decides = config.get("group.protocol") == "consumer"
        if not broker_decides:
            config.setdefault("session.timeout.ms", SESSION_MS)
            config.setdefault("heartbeat.interval.ms", HEARTBEAT_MS)
        assignors = str(config.get("partition.assignment.strategy", ""))
        self._incremental = broker_decides or "cooperative" in assignors
        self._start = start
        self._looks = looks
        self._on_revoked = on_revoked
        self._paused = self._uncommitted = self._leaving = False
        # Topics whose places mean nothing any more.
        self._outdated: Collection[str] = ()
        self._given_back: set[Spot] = set()
        # Ours, but nobody could say where to begin; asked again soon.
        self._late: list[TopicPartition] = []
        self._late_at = 0.0
        self._failed: TailraceError | None = None
        self._missing: set[str] = set()
        self.assigned = False
        self._new_consumer = partial(Consumer, config)
        self._consumer = self._new_consumer()
        self._known = {topic: known_partitions(self._consumer, topic) for topic in check_topics(topics)}
        self._subscribe()

    def poll(self, most: int, seconds: float) -> KafkaPolled | None:
        """What has come, at most so many rows; waits for the first only."""
        self._given_back.clear()
        if made_again := self._looks.made_again(time.monotonic()):
            self._begin_anew(made_again)
        if self._late and time.monotonic() > self._late_at:
            self._guarded(self._take_late)
        batch = trusted(consumed(self._consumer, most, seconds), self._missing)
        if self._failed is not None:
            raise self._failed
        if self._given_back and batch is not None:
            # Taken out of the queue before its partition went to somebody else within the same call.
            batch = batch.rest(0, self._given_back)
        return batch or None

    def _subscribe(self) -> None:
        self._consumer.subscribe(
            list(self._known), on_assign=self._on_assign, on_revoke=self._on_revoke, on_lost=self._on_lost
        )

    def _begin_anew(self, topics: Collection[str]) -> None:
        """With a client that has not known the old topics; their places are not those of the new ones."""
        _log.warning("Made again since, so read from the first record: %s.", ", ".join(sorted(topics)))
        self._outdated = topics
        self.close()
        self._outdated, self._leaving = (), False
        self._known.update(dict.fromkeys(topics, 0))
        self._late = []
        self._consumer = self._new_consumer()
        self._subscribe()

    def pause(self) -> None:
        """Bring nothing more, but stay a member."""
        self._paused = True
        self._consumer.pause(self._consumer.assignment())

    def resume(self) -> None:
        """Go on after a pause."""
        self._paused = False
        self._consumer.resume(self._consumer.assignment())

    def commit(self, positions: Positions, *, wait: bool) -> None:
        """Store the next offsets to read."""
        if not positions:
            return
        places = [TopicPartition(spot.topic, spot.partition, at) for spot, at in positions.items()]
        try:
            if wait:
                _check(self._consumer.commit(offsets=places, asynchronous=False))
            else:
                self._consumer.commit(offsets=places, asynchronous=True)
        except KafkaException as error:
            raise translate_exception(error, "The group's offsets could not be committed.") from None

    def uncommitted(self) -> bool:
        """Whether a commit that nobody waited for has failed since the last call."""
        failed, self._uncommitted = self._uncommitted, False
        return failed

    def close(self) -> None:
        """Leave the group at once."""
        self._leaving = True
        self._consumer.close()

    # --- on the polling thread, within a poll ---

    def _on_assign(self, consumer: Consumer, partitions: list[TopicPartition]) -> None:
        self._guarded(lambda: self._take_over(consumer, partitions))

    def _take_over(self, consumer: Consumer, partitions: list[TopicPartition]) -> None:
        self.assigned = True
        # A client that is leaving answers no question any more, and gives them back at once.
        places = [] if self._leaving else self._known_places(consumer, partitions)
        # One that comes back within the same poll is ours again, with all that follows.
        self._given_back.difference_update(map(_spot, places))
        (consumer.incremental_assign if self._incremental else consumer.assign)(places)
        if self._paused:
            consumer.pause(places)
        else:
            # The client remembers a pause of what was ours before.
            consumer.resume(places)

    def _take_late(self) -> None:
        late, self._late = self._late, []
        places = self._known_places(self._consumer, late)
        if places:
            (self._consumer.incremental_assign if self._incremental else self._consumer.assign)(places)
            if self._paused:
                self._consumer.pause(places)

    def _on_revoke(self, consumer: Consumer, partitions: list[TopicPartition]) -> None:
        self._guarded(lambda: self._give_back(consumer, partitions, mine=True))

    def _on_lost(self, consumer: Consumer, partitions: list[TopicPartition]) -> None:
        self._guarded(lambda: self._give_back(consumer, partitions, mine=False))

    def _give_back(self, consumer: Consumer, partitions: list[TopicPartition], *, mine: bool) -> None:
        spots = [_spot(place) for place in partitions]
        self._given_back.update(spots)
        done = self._on_revoked(spots)
        positions = {spot: at for spot, at in done.items() if spot.topic not in self._outdated}
        try:
            if mine:
                self.commit(positions, wait=True)
            elif positions:
                _log.warning("Partitions were lost before they could be committed: some records come again.")
        except TailraceError as error:
            _log.warning("What was done could not be committed, so it may come again: %s", error)
        late = {_spot(place) for place in self._late}
        self._late = [place for place in self._late if _spot(place) not in spots]
        if self._incremental:
            consumer.incremental_unassign([place for place in partitions if _spot(place) not in late])
        else:
            consumer.unassign()

    def _on_commit(self, error: KafkaError | None, partitions: list[TopicPartition]) -> None:
        if error is not None or any(place.error for place in partitions):
            self._uncommitted = True

    def _guarded(self, change: Callable[[], None]) -> None:
        # What is raised in a callback of the client would be lost in some of its versions.
        try:
            change()
        except TailraceError as error:
            self._failed = error
        except KafkaException as error:
            self._failed = translate_exception(error, "The group's partitions could not be taken over.")

    # --- where to begin ---

    def _known_places(self, consumer: Consumer, partitions: list[TopicPartition]) -> list[TopicPartition]:
        """Where to begin; none yet if that could not be asked, which heals by itself."""
        try:
            return self._places(consumer, partitions) if partitions else []
        except KafkaException as error:
            if error.args[0].fatal() or error.args[0].code() not in PASSING:
                raise
            _log.warning(
                "The group's offsets cannot be asked for, so it is tried again: %s", error.args[0].str()
            )
            self._late, self._late_at = partitions, time.monotonic() + LATE_SECONDS
            return []

    def _places(self, consumer: Consumer, partitions: list[TopicPartition]) -> list[TopicPartition]:
        committed = consumer.committed(partitions, timeout=QUESTION_SECONDS)
        _check(committed)
        begun = [place for place in committed if place.offset >= 0]
        fresh = [self._first(consumer, _spot(place)) for place in committed if place.offset < 0]
        if ends := [place for place in fresh if place.offset >= 0]:
            # Else a worker that dies before its first commit would begin at a later end, and lose records.
            consumer.commit(offsets=ends, asynchronous=True)
        return begun + fresh

    def _first(self, consumer: Consumer, spot: Spot) -> TopicPartition:
        # A topic or partition that came after this reader is new to it as a whole.
        known = self._known[spot.topic]
        if self._start == "latest" and (known is None or spot.partition < known):
            place = TopicPartition(spot.topic, spot.partition)
            bounds = consumer.get_watermark_offsets(place, timeout=QUESTION_SECONDS)
            return TopicPartition(spot.topic, spot.partition, bounds[1])
        return TopicPartition(spot.topic, spot.partition, OFFSET_BEGINNING)


def known_partitions(consumer: Consumer, topic: str) -> int | None:
    """How many partitions a topic has; 0 where there is no such topic, None where no broker answers."""
    found = ask_metadata(consumer, topic)
    if found is None:
        return None
    return len(found.partitions) if found.error is None else 0


def consumed(consumer: Consumer, most: int, seconds: float) -> list[Message]:
    """What has come; waits for the first only."""
    try:
        # consume() with a time waits until it is full; poll() returns with the first.
        messages = consumer.consume(most, 0)
        if messages or not seconds:
            return messages
        first = consumer.poll(seconds)
        return [] if first is None else [first, *consumer.consume(most - 1, 0)]
    except KafkaException as error:
        raise translate_exception(error, "The group's records cannot be read.") from None


def _check(places: Sequence[TopicPartition]) -> None:
    for place in places:
        if place.error is not None:
            raise KafkaException(place.error)


def _spot(place: TopicPartition) -> Spot:
    return Spot(place.topic, place.partition)
