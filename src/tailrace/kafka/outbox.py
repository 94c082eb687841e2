"""Batches to one topic from a thread that may wait: nothing times out, and order is kept."""

import time
from collections.abc import Sequence
from functools import partial

from confluent_kafka import KafkaError, KafkaException, Message, Producer

from tailrace.core.ports import NewRecord, Outcome, Stored
from tailrace.kafka.errors import translate_error, translate_exception
from tailrace.kafka.load import check_topic
from tailrace.kafka.settings import ClientSettings, producer_config

# Long waits belong to the brokers' being away: within a producer's life idempotence then repeats nothing.
_FOR_EVER = 0
# A topic that was deleted is told after this, in place of the client's 30 s.
_PROPAGATION_MS = 3_000
_FULL_WAIT_SECONDS = 0.01


class KafkaOutbox:
    """One batch after another; each record's fate is told, however long it takes."""

    def __init__(self, settings: ClientSettings, topic: str) -> None:
        check_topic(settings, topic)
        config = {
            **producer_config(settings, linger_ms=0),
            "message.timeout.ms": _FOR_EVER,
            "topic.metadata.propagation.max.ms": _PROPAGATION_MS,
            "reconnect.backoff.max.ms": 1_000,
        }
        self._topic = topic
        self._producer = Producer(config)
        self._outcomes: list[Outcome | None] = []
        self._pending = 0

    def send(self, records: Sequence[NewRecord]) -> None:
        """Take a batch; the one before has its outcomes."""
        self._outcomes = [None] * len(records)
        self._pending = len(records)
        for index, record in enumerate(records):
            try:
                self._produce(record, partial(self._report, index))
            except KafkaException as error:
                self._settle(index, translate_exception(error, "The record was not stored."))

    def outcomes(self, seconds: float) -> Sequence[Outcome] | None:
        """The fate of each record of the batch, in order; None if it is not known within the time."""
        deadline = time.monotonic() + seconds
        try:
            while self._pending and (left := deadline - time.monotonic()) > 0:
                self._producer.flush(left)
        except KafkaException as error:
            raise translate_exception(error, "The records were not stored.") from None
        return None if self._pending else self._outcomes  # type: ignore[return-value]  # all are settled

    def idle(self) -> None:
        """Hear what the client has to say: it would pile up while a broker is away."""
        self._producer.poll(0)

    def close(self) -> None:
        """Give up what is under way."""
        self._producer.purge()
        self._producer.close()

    def _produce(self, record: NewRecord, report: "partial[None]") -> None:
        while True:
            try:
                self._producer.produce(
                    self._topic,
                    record.value,
                    record.key,
                    on_delivery=report,
                    timestamp=record.timestamp or 0,
                    headers=list(record.headers),
                )
            except BufferError:
                self._producer.poll(_FULL_WAIT_SECONDS)
            else:
                return

    def _report(self, index: int, error: KafkaError | None, message: Message) -> None:
        if error is None:
            partition, offset = message.partition() or 0, message.offset() or 0
            self._settle(index, Stored(partition, offset, message.timestamp()[1]))
        else:
            self._settle(index, translate_error(error, "The record was not stored."))

    def _settle(self, index: int, outcome: Outcome) -> None:
        self._outcomes[index] = outcome
        self._pending -= 1
