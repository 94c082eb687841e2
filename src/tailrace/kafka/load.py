"""Loads straight onto brokers: records each with its own fate, or bare values with one fate for all."""

import time
from collections import deque
from collections.abc import Sequence
from functools import partial
from itertools import repeat
from operator import length_hint

from confluent_kafka import KafkaError, KafkaException, Message, Producer

from tailrace.core.errors import BadRecord, TailraceError, UnknownOutcome
from tailrace.core.ports import NewRecord
from tailrace.core.scans import Refused
from tailrace.kafka.errors import translate_error, translate_exception
from tailrace.kafka.scan_places import Questions
from tailrace.kafka.settings import ClientSettings, client_config, producer_config
from tailrace.kafka.writer_outlet import sendable_timestamp

MESSAGE_TIMEOUT_SECONDS = 25.0
# Values are drained at least so often, and a drain takes at most so long: together less than the
# time-out, so that none of them can have been given up in silence.
DRAIN_EVERY_SECONDS = 5.0
DRAIN_SECONDS = 18.0
# Values under way; more only costs memory.
MOST_UNDER_WAY = 100_000
SLICE_RECORDS = 2_000
FULL_WAIT_SECONDS = 0.002

LINGER_MS = 5

_BOUNDS = {"queue.buffering.max.messages": 500_000, "queue.buffering.max.kbytes": 131_072}


def check_topic(settings: ClientSettings, topic: str) -> None:
    """Make sure that the topic is there: a producer's own question would make it."""
    Questions(client_config(settings)).topics([topic])


def _config(settings: ClientSettings) -> dict[str, object]:
    return {
        **producer_config(settings, linger_ms=LINGER_MS),
        **_BOUNDS,
        "message.timeout.ms": int(MESSAGE_TIMEOUT_SECONDS * 1000),
        "reconnect.backoff.max.ms": 1_000,
    }


class KafkaRecordLoad:
    """Stores records; each one's refusal is told."""

    def __init__(self, settings: ClientSettings, topic: str) -> None:
        check_topic(settings, topic)
        # Callbacks of stored records are skipped inside the client: only refusals cost time here.
        self._producer = Producer(_config(settings) | {"delivery.report.only.error": True})
        self._topic = topic
        self._refused: list[Refused] = []
        self._refusals = 0
        self._taken = 0

    def add(self, records: Sequence[NewRecord]) -> None:
        """Take records, waiting for room."""
        for record in records:
            try:
                self._produce(record, partial(self._on_refused, self._taken))
            except BadRecord as error:
                self._refuse(self._taken, error)
            self._taken += 1
        self._producer.poll(0)

    def refused(self) -> Sequence[Refused]:
        """What is known to be refused since the last call."""
        refused, self._refused = self._refused, []
        return refused

    def idle(self) -> None:
        """Learn the fate of what is under way."""
        self._producer.poll(0)

    def finish(self) -> int:
        """Wait until the fate of all is known; answers how many were stored."""
        left = self._producer.flush(MESSAGE_TIMEOUT_SECONDS + 1)
        if left:
            raise _unconfirmed(left)
        return self._taken - self._refusals

    def _produce(self, record: NewRecord, on_delivery: "partial[None]") -> None:
        options: dict[str, object] = {"on_delivery": on_delivery}
        if record.partition is not None:
            options["partition"] = record.partition
        if record.timestamp is not None:
            options["timestamp"] = sendable_timestamp(record.timestamp)
        if record.headers:
            options["headers"] = list(record.headers)
        while True:
            try:
                self._producer.produce(self._topic, record.value, record.key, **options)  # type: ignore[arg-type]
            except BufferError:
                self._producer.poll(FULL_WAIT_SECONDS)
            except KafkaException as error:
                self._on_refused(on_delivery.args[0], error.args[0], None)
                return
            else:
                return

    def _on_refused(self, index: int, error: KafkaError | None, message: Message | None) -> None:
        del message
        if error is not None:
            self._refuse(index, translate_error(error, "The record was not stored."))

    def _refuse(self, index: int, error: TailraceError) -> None:
        self._refusals += 1
        self._refused.append(Refused(index, error))


class KafkaValueLoad:
    """Stores bare values faster: without a report for each.

    Three things together leave no value lost in silence. What the client refuses at once is raised by
    it. What a broker refuses stops the producer (`enable.gapless.guarantee`). And no value can have timed
    out, as all are confirmed more often than the time-out, by a clock that is looked at.
    """

    def __init__(self, settings: ClientSettings, topic: str) -> None:
        check_topic(settings, topic)
        self._producer = Producer(_config(settings) | {"enable.gapless.guarantee": True})
        self._topic = topic
        self._refused: list[Refused] = []
        self._refusals = 0
        self._taken = 0
        self._undrained_since: float | None = None

    def add(self, records: Sequence[bytes]) -> None:
        """Take values, waiting for room."""
        for start in range(0, len(records), SLICE_RECORDS):
            while len(self._producer) > MOST_UNDER_WAY:
                self._wait_for_room()
            if self._undrained_since is None:
                self._undrained_since = time.monotonic()
            self._produce(records[start : start + SLICE_RECORDS])
        if self._undrained_since and time.monotonic() - self._undrained_since > DRAIN_EVERY_SECONDS:
            self.idle()

    def refused(self) -> Sequence[Refused]:
        """What is known to be refused since the last call."""
        refused, self._refused = self._refused, []
        return refused

    def idle(self) -> None:
        """Have all confirmed."""
        try:
            left = self._producer.flush(DRAIN_SECONDS)
        except KafkaException as error:
            raise _broken_off(error) from None
        since, self._undrained_since = self._undrained_since, None
        # Also when this process itself was stopped for a while.
        if left or (since is not None and time.monotonic() - since >= MESSAGE_TIMEOUT_SECONDS):
            raise _unconfirmed(left)

    def finish(self) -> int:
        """Wait until all are confirmed; answers how many were stored."""
        self.idle()
        return self._taken - self._refusals

    def _produce(self, values: Sequence[bytes]) -> None:
        # `map` keeps the loop in C: 0.5 s a million values; produce_batch and its dictionaries take 0.7 s.
        produce, at = self._producer.produce, 0
        while at < len(values):
            rest = iter(values[at:] if at else values)
            try:
                deque(map(produce, repeat(self._topic), rest), maxlen=0)
                at = len(values)
            except BufferError:
                at = len(values) - length_hint(rest) - 1
                self._wait_for_room()
            except KafkaException as error:
                at = len(values) - length_hint(rest)
                self._refuse(self._taken + at - 1, error)
        self._taken += len(values)

    def _refuse(self, index: int, exception: KafkaException) -> None:
        error = exception.args[0]
        if error.fatal() or error.code() == KafkaError._FATAL:
            raise _broken_off(exception)
        self._refusals += 1
        self._refused.append(Refused(index, translate_error(error, "The value was not stored.")))

    def _wait_for_room(self) -> None:
        since = self._undrained_since
        if since is not None and time.monotonic() - since > DRAIN_EVERY_SECONDS:
            self.idle()
            self._undrained_since = time.monotonic()
        else:
            self._producer.poll(FULL_WAIT_SECONDS)


def _unconfirmed(left: int) -> UnknownOutcome:
    return UnknownOutcome(
        f"The brokers did not confirm the last records in time ({left:,} are under way).",
        hint="They may have been stored or not: read the topic's end before sending them again.",
    )


def _broken_off(error: KafkaException) -> TailraceError:
    return UnknownOutcome(
        "The brokers refused values, and what followed them was not sent.",
        cause=translate_exception(error, "").cause,
        hint="Some may have been stored: read the topic's end before sending them again.",
    )
