"""The Sender on Kafka: an idempotent producer that reports only what was refused."""

import threading
from typing import Any

from confluent_kafka import KafkaError, KafkaException, Message, Producer

from tailrace.core.errors import BadRecord, TailraceError, TopicNotFound
from tailrace.core.records import Headers
from tailrace.kafka.errors import translate_error
from tailrace.kafka.settings import ClientSettings, producer_config
from tailrace.kafka.writer_outlet import sendable_timestamp

# `settle` does not wait for it; it only makes batches of what a busy service sends.
LINGER_MS = 5
# A broker that is away is waited for, as nobody waits for an answer here; then the worker fails.
MESSAGE_TIMEOUT_MS = 300_000
# Refusals are noticed after so many records, in any case before a commit.
_POLL_MASK = 1_024 - 1
FULL_WAIT_SECONDS = 0.002
# By then a cluster that is there has stored something; else it is asked whether it is.
SILENT_SECONDS = 3.0
ANSWER_SECONDS = 1.0

_BOUNDS = {"queue.buffering.max.messages": 100_000, "queue.buffering.max.kbytes": 65_536}


class KafkaSender:
    """A producer that threads share."""

    def __init__(self, settings: ClientSettings, client_id: str) -> None:
        patience = (
            {} if "message.timeout.ms" in settings.client else {"message.timeout.ms": MESSAGE_TIMEOUT_MS}
        )
        self._producer = Producer({
            **_BOUNDS,
            **producer_config(settings, linger_ms=LINGER_MS),
            **patience,
            "client.id": client_id,
            # Whether a topic is made by its first record is the brokers' choice.
            "allow.auto.create.topics": True,
            # Nothing is called back for what is stored, so that it costs nothing.
            "delivery.report.only.error": True,
            "on_delivery": self._on_refused,
        })  # fmt: skip
        self._produce = self._producer.produce
        self._lock = threading.Lock()
        self._refused: TailraceError | None = None
        self._settled = 0
        self.sent = 0

    @property
    def waiting(self) -> int:
        """How many records are neither stored nor refused."""
        self._producer.poll(0)  # what the client has to tell is counted, too
        return len(self._producer)

    def send(
        self,
        topic: str,
        value: bytes | None,
        key: bytes | None = None,
        partition: int | None = None,
        timestamp: int | None = None,
        headers: Headers = (),
        *,
        wait: bool = True,
    ) -> None:
        """Take a record, waiting for room; without `wait` raises BufferError where there is none."""
        while True:
            try:
                if partition is None and timestamp is None and not headers:
                    self._produce(topic, value, key)
                else:
                    self._produce_full(topic, value, key, partition, timestamp, headers)
                break
            except BufferError:
                if not wait:
                    raise
                self._producer.poll(FULL_WAIT_SECONDS)
            except KafkaException as error:
                raise _not_stored(topic, error.args[0]) from None
            except (TypeError, ValueError, OverflowError) as error:
                raise BadRecord("A record cannot be stored.", cause=str(error)) from None
        self.sent += 1
        if not self.sent & _POLL_MASK:
            self._producer.poll(0)

    def _produce_full(
        self,
        topic: str,
        value: bytes | None,
        key: bytes | None,
        partition: int | None,
        timestamp: int | None,
        headers: Headers,
    ) -> None:
        more: dict[str, Any] = {"headers": list(headers)} if headers else {}
        if timestamp is not None:
            more["timestamp"] = sendable_timestamp(timestamp)
        self._produce(topic, value, key, -1 if partition is None else partition, **more)

    def settle(self, seconds: float) -> bool:
        """Wait until all that was taken is stored; False if the time was too short, or no broker is there.

        Once a record was refused this raises each time, so that nothing is committed on what is lost.
        """
        taken = self.sent
        if taken == self._settled:
            return True
        left = self._producer.flush(min(seconds, SILENT_SECONDS))
        if left and seconds > SILENT_SECONDS and (left < taken or self._answered()):
            left = self._producer.flush(seconds - SILENT_SECONDS)
        with self._lock:
            refused = self._refused
        if refused is not None:
            raise refused
        if left:
            return False
        self._settled = taken
        return True

    def forgive(self) -> None:
        """Go on after a refusal."""
        with self._lock:
            self._refused = None

    def close(self) -> None:
        """Let go of what is not stored."""
        self._producer.purge()
        self._producer.close()

    def _answered(self) -> bool:
        """Whether there is a broker at all."""
        try:
            self._producer.list_topics(timeout=ANSWER_SECONDS)
        except KafkaException:
            return False
        return True

    def _on_refused(self, error: KafkaError | None, message: Message) -> None:
        if error is None:
            return
        with self._lock:
            self._refused = self._refused or _not_stored(str(message.topic()), error)


def _not_stored(topic: str, error: KafkaError) -> TailraceError:
    refused = translate_error(error, f"A record could not be stored in {topic!r}.")
    if isinstance(refused, TopicNotFound):
        refused.hint = f"Make it first: tailrace topics create {topic}"
    return refused
