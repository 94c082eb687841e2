"""Finds where a partition can be read again behind a corrupt batch."""

import time

from confluent_kafka import Consumer, Message, TopicPartition

from tailrace.core.errors import BrokerUnavailable
from tailrace.kafka import connection
from tailrace.kafka.connection import ClientSettings

# A batch holds at most this many records in practice (1 MiB of empty ones).
LARGEST_BATCH_RECORDS = 262_144
PROBE_SECONDS = 2.0
SEARCH_SECONDS = 20.0

_ANSWERS = connection.LOST | connection.CORRUPT | {connection.END_OF_PARTITION}


def first_readable(settings: ClientSettings, topic: str, partition: int, start: int, end: int) -> int:
    """The first offset from `start` on that can be read; `end` if there is none before it.

    A broker sends whole batches, so every offset inside of a corrupt one fails and the first behind it
    reads: doubling steps find a good offset, halving finds the border.

    Raises:
        BrokerUnavailable: the broker gives no answer.
    """

    def reads(offset: int) -> bool:
        return _reads(settings, topic, partition, offset, end)

    if start >= end or reads(start):
        return start
    deadline = time.monotonic() + SEARCH_SECONDS
    bad, good, step = start, end, 1
    while bad + step < end and step <= LARGEST_BATCH_RECORDS and time.monotonic() < deadline:
        if reads(bad + step):
            good = bad + step
            break
        bad += step
        step *= 2
    while good - bad > 1 and time.monotonic() < deadline:
        middle = (bad + good) // 2
        bad, good = (bad, middle) if reads(middle) else (middle, good)
    return good


def _answer(consumer: Consumer) -> Message | None:
    """A record, or what the broker says about the partition; errors of connections are no answer."""
    deadline = time.monotonic() + PROBE_SECONDS
    while (left := deadline - time.monotonic()) > 0:
        message = consumer.poll(left)
        error = message.error() if message is not None else None
        if error is None or error.code() in _ANSWERS:
            return message
    return None


def _reads(settings: ClientSettings, topic: str, partition: int, offset: int, end: int) -> bool:
    # A consumer of its own for each probe: after a corrupt batch librdkafka's own place is misparsed.
    consumer = Consumer(connection.catch_up_settings(settings))
    try:
        connection.ask_metadata(consumer, topic)
        consumer.assign([TopicPartition(topic, partition, offset)])
        message = _answer(consumer)
    finally:
        consumer.close()
    if message is None:
        # Good records of a broker that dies must not look corrupt.
        raise BrokerUnavailable(f"Kafka sent nothing of {topic}/{partition} in time.")
    found = message.offset() or 0
    error = message.error()
    if error is None:
        return found >= offset
    return error.code() == connection.END_OF_PARTITION and found >= end
