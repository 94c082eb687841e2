"""Finds where a partition can be read again behind a corrupt batch."""

import time

from confluent_kafka import Consumer, TopicPartition

from tailrace.kafka import connection
from tailrace.kafka.connection import ClientSettings

# A batch holds at most this many records in practice (1 MiB of empty ones).
LARGEST_BATCH_RECORDS = 262_144
PROBE_SECONDS = 2.0
SEARCH_SECONDS = 20.0


def first_readable(settings: ClientSettings, topic: str, partition: int, start: int, end: int) -> int:
    """The first offset from `start` on that can be read; `end` if there is none before it.

    A broker sends whole batches, so every offset inside of a corrupt one fails and the first behind it
    reads: doubling steps find a good offset, halving finds the border.
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


def _reads(settings: ClientSettings, topic: str, partition: int, offset: int, end: int) -> bool:
    # A consumer of its own for each probe: after a corrupt batch librdkafka's own place is misparsed.
    consumer = Consumer(connection.catch_up_settings(settings))
    try:
        connection.ask_metadata(consumer, topic)
        consumer.assign([TopicPartition(topic, partition, offset)])
        message = consumer.poll(PROBE_SECONDS)
    finally:
        consumer.close()
    if message is None:
        return False
    found = message.offset() or 0
    error = message.error()
    if error is None:
        return found >= offset
    return error.code() == connection.END_OF_PARTITION and found >= end
