"""Corrupt batches: what counts of an answer with one, and where the partition can be read again."""

import threading
import time
from collections.abc import Callable, Sequence

from confluent_kafka import Consumer, Message, TopicPartition

from tailrace.core.errors import BrokerUnavailable
from tailrace.kafka import connection
from tailrace.kafka.connection import ClientSettings

# A fetch from a slow disk takes a second or two; a broker that is silent for longer is asked again later.
PROBE_SECONDS = 5.0
# Doubling and halving need at most some forty probes, of tens of milliseconds each where all is well.
SEARCH_SECONDS = 60.0

# A batch that the broker itself cannot read: its answer names the offset that was asked for.
_NAMELESS = -1
_ANSWERS = connection.LOST | connection.CORRUPT | {connection.END_OF_PARTITION}


def trusted(messages: Sequence[Message]) -> list[Message]:
    """The records among messages, but none that its partition has behind a corrupt batch.

    After such a batch librdkafka goes on at a wrong place of the answer, and may take any bytes for records.
    """
    corrupt: set[tuple[str | None, int | None]] = set()
    found: list[Message] = []
    for message in messages:
        error = message.error()
        if error is None and (message.topic(), message.partition()) not in corrupt:
            found.append(message)
        elif error is not None and error.code() in connection.CORRUPT:
            corrupt.add((message.topic(), message.partition()))
    return found


def behind_corrupt(
    settings: ClientSettings, topic: str, partition: int, start: int, end: int, deadline: float
) -> int:
    """The first offset from `start` on that does not belong to the corrupt batch there; at most `end`.

    That may be `start` itself, and it may be in a second corrupt batch: then it is searched behind that too,
    when it is read. A broker sends whole batches, and the client names the batch by its first offset, so that
    two batches that follow each other, with good records between them, are never taken for one.

    Args:
        settings: how the cluster is reached.
        topic: its name.
        partition: its number.
        start: where reading failed.
        end: the stable end.
        deadline: monotonic seconds; the search takes none longer.

    Raises:
        BrokerUnavailable: a probe got no answer, or time is over; nothing is known to be lost.
    """

    def batch_at(offset: int) -> int | None:
        if time.monotonic() > deadline:
            raise BrokerUnavailable(f"Searching {topic}/{partition} behind a corrupt batch takes too long.")
        return _corrupt_batch(_probe(settings, topic, partition, offset))

    return _search(batch_at, start, end)


def _search(batch_at: Callable[[int], int | None], start: int, end: int) -> int:
    """Doubling steps find an offset behind the batch, halving finds the first one."""
    batch = batch_at(start) if start < end else None
    if batch is None:
        return start
    bad, good, step = start, end, 1
    while bad + step < end:
        if batch_at(bad + step) != batch:
            good = bad + step
            break
        bad += step
        step *= 2
    while good - bad > 1:
        middle = (bad + good) // 2
        bad, good = (middle, good) if batch_at(middle) == batch else (bad, middle)
    return good


def _corrupt_batch(message: Message) -> int | None:
    """The first offset of the corrupt batch that was met; None where records can be read."""
    error = message.error()
    if error is None or error.code() == connection.END_OF_PARTITION:
        return None
    if error.code() in connection.LOST:
        raise BrokerUnavailable("The log moved while it was searched.", cause=error.str())
    return _NAMELESS if error.code() in connection.UNREADABLE else message.offset()


def _probe(settings: ClientSettings, topic: str, partition: int, offset: int) -> Message:
    # A consumer of its own for each probe: behind a corrupt batch librdkafka's place is misparsed for good.
    consumer = Consumer(connection.catch_up_settings(settings))
    try:
        connection.ask_metadata(consumer, topic)
        consumer.assign([TopicPartition(topic, partition, offset)])
        message = _answer(consumer)
    finally:
        # librdkafka can lock itself out for ever when it is closed while it resets a misparsed offset.
        threading.Thread(target=consumer.close, name="tailrace-search-close", daemon=True).start()
    if message is None:
        # Good records of a broker that dies must not look corrupt.
        raise BrokerUnavailable(f"Kafka sent nothing of {topic}/{partition} in time.")
    return message


def _answer(consumer: Consumer) -> Message | None:
    """A record, or what the broker says about the partition; errors of connections are no answer."""
    deadline = time.monotonic() + PROBE_SECONDS
    while (left := deadline - time.monotonic()) > 0:
        message = consumer.poll(left)
        error = message.error() if message is not None else None
        if error is None or error.code() in _ANSWERS:
            return message
    return None
