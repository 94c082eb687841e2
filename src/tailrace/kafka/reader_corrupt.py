"""Finds where a partition can be read again behind a corrupt batch."""

import time

from confluent_kafka import Consumer, TopicPartition

from tailrace.kafka import connection
from tailrace.kafka.connection import ClientSettings

# A batch holds at most this many records in practice (1 MiB of empty ones).
LARGEST_BATCH_RECORDS = 262_144
PROBE_SECONDS = 2.0
SEARCH_SECONDS = 20.0


def first_readable(settings: ClientSettings, topic: str, partition: int, bad: int, end: int) -> int:
    """The first offset after `bad` from which the partition can be read; `end` if there is none.

    A broker sends whole batches, so every offset inside of a corrupt one fails and the first behind it
    reads: doubling steps find a good offset, halving finds the border. librdkafka misparses what follows
    a corrupt batch, so each probe starts afresh.
    """
    consumer = Consumer(connection.catch_up_settings(settings))
    try:
        connection.ask_metadata(consumer, topic)
        return _search(consumer, topic, partition, bad, end)
    finally:
        consumer.close()


def _search(consumer: Consumer, topic: str, partition: int, bad: int, end: int) -> int:
    deadline = time.monotonic() + SEARCH_SECONDS
    step, good = 1, end
    while bad + step < end and step <= LARGEST_BATCH_RECORDS and time.monotonic() < deadline:
        if _reads(consumer, topic, partition, bad + step):
            good = bad + step
            break
        bad += step
        step *= 2
    while good - bad > 1 and time.monotonic() < deadline:
        middle = (bad + good) // 2
        if _reads(consumer, topic, partition, middle):
            good = middle
        else:
            bad = middle
    return good


def _reads(consumer: Consumer, topic: str, partition: int, offset: int) -> bool:
    consumer.assign([TopicPartition(topic, partition, offset)])
    message = consumer.poll(PROBE_SECONDS)
    consumer.unassign()
    if message is None:
        return False
    error = message.error()
    return error is None or error.code() == connection.END_OF_PARTITION
