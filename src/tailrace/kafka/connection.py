"""How this process's clients speak to the cluster: their settings, and the questions consumers ask."""

import logging
from collections.abc import Mapping, Sequence
from typing import Any
from uuid import uuid4

from confluent_kafka import (
    OFFSET_END,
    OFFSET_INVALID,
    Consumer,
    KafkaError,
    KafkaException,
    TopicPartition,
)
from confluent_kafka.admin._metadata import TopicMetadata

from tailrace.kafka.settings import LOGGER

ClientSettings = Mapping[str, Any]

_log = logging.getLogger(__name__)

# Read nothing that is not committed, trust no byte unchecked, make no topic, decide about lost positions
# ourselves. The group is needed by librdkafka and never used: no membership, no commit.
_ALWAYS: ClientSettings = {
    "isolation.level": "read_committed",
    "check.crcs": True,
    "enable.auto.commit": False,
    "enable.auto.offset.store": False,
    "auto.offset.reset": "error",
    "allow.auto.create.topics": False,
    # The default of 1,000 ms stalls bursts: 176,000 records/s instead of 1.1 million.
    "fetch.queue.backoff.ms": 10,
    # Back soon after a broker was away; librdkafka waits up to 10 s otherwise.
    "reconnect.backoff.ms": 50,
    "reconnect.backoff.max.ms": 1_000,
}

# What one consumer may hold that was fetched but not yet taken, and what one answer may bring.
TAIL_BUFFER_KB = 4_096
CATCH_UP_BUFFER_KB = 4_096
PARTITION_FETCH_BYTES = 1_048_576
FETCH_BYTES = 4_194_304

# How long a question to a broker may take inside a reading thread.
QUESTION_SECONDS = 3.0
# How soon leaders are asked again while they are elected, as those of a new topic are.
ELECTION_SECONDS = 0.1
# A leader that is silent holds up the reading thread for so long.
LEADERS_SECONDS = 1.0

# After a broker was away its partitions have new epochs; asked with the old ones it refuses, and librdkafka
# keeps those for minutes unless it forgets them.
METADATA_AGE_MS = 1_000

# The client gives its own codes names with an underscore.
LOST = frozenset({
    KafkaError._AUTO_OFFSET_RESET,
    KafkaError._LOG_TRUNCATION,
    KafkaError.OFFSET_OUT_OF_RANGE,
})  # fmt: skip
CORRUPT = frozenset({
    KafkaError._BAD_MSG,
    KafkaError._BAD_COMPRESSION,
    KafkaError.INVALID_MSG,
})  # fmt: skip
# Of these what the broker found, where the others are found by the client.
UNREADABLE = frozenset({KafkaError.INVALID_MSG})
CUT = frozenset({KafkaError._LOG_TRUNCATION})
UNKNOWN_TOPIC = frozenset({
    KafkaError._UNKNOWN_TOPIC,
    KafkaError._UNKNOWN_PARTITION,
    KafkaError.UNKNOWN_TOPIC_OR_PART,
    KafkaError.UNKNOWN_TOPIC_ID,
})  # fmt: skip
END_OF_PARTITION: int = KafkaError._PARTITION_EOF


def tail_settings(client: ClientSettings, wait_ms: int) -> dict[str, Any]:
    """Settings of a consumer that follows ends; the broker holds an empty fetch for `wait_ms`."""
    return _settings(client) | {
        "fetch.wait.max.ms": wait_ms,
        "queued.max.messages.kbytes": TAIL_BUFFER_KB,
        "queued.min.messages": 10_000,
    }


def catch_up_settings(client: ClientSettings) -> dict[str, Any]:
    """Settings of a consumer that reads on from any offset and says when it is at the end."""
    return _settings(client) | {
        "enable.partition.eof": True,
        # A fetch under way delays the next place's first one by as much.
        "fetch.wait.max.ms": 10,
        "queued.max.messages.kbytes": CATCH_UP_BUFFER_KB,
        "queued.min.messages": 100_000,
    }


def asking_settings(client: ClientSettings) -> dict[str, Any]:
    """Settings of an administrator's client, which is silent: each call's error says what went wrong.

    A logger of ours would hear nothing, as nobody polls such a client, and without one librdkafka writes its
    lines to the terminal: at a stop, that every broker has gone.
    """
    return {
        "reconnect.backoff.max.ms": 1_000,
        **client,
        "allow.auto.create.topics": False,
        "metadata.max.age.ms": METADATA_AGE_MS,
        # Descriptions are asked of a controller; by itself the client learns of another one after minutes.
        "topic.metadata.refresh.interval.ms": METADATA_AGE_MS,
        "log_level": 0,
    }


def _settings(client: ClientSettings) -> dict[str, Any]:
    return {
        "max.partition.fetch.bytes": PARTITION_FETCH_BYTES,
        # librdkafka wants it no smaller than what one message may be.
        "fetch.max.bytes": max(FETCH_BYTES, int(client.get("message.max.bytes", 0))),
        **client,
        **_ALWAYS,
        "group.id": f"tailrace-unused-{uuid4().hex}",
        "logger": LOGGER,
    }


def ask_metadata(consumer: Consumer, topic: str) -> TopicMetadata | None:
    """Make the consumer know a topic's leaders before it is assigned; None if no broker answered.

    Without it a newly assigned topic waits for librdkafka's next refresh (874 ms against 76 ms).
    A consumer's question makes no topic, unlike an administrator's or a producer's.
    """
    try:
        found: TopicMetadata = consumer.list_topics(topic, timeout=QUESTION_SECONDS).topics[topic]
    except KafkaException as error:
        _log.debug("no metadata of %s: %s", topic, error)
        return None
    return found


def ask_leaders(consumer: Consumer, topics: Sequence[str]) -> None:
    """Make the consumer know many topics' leaders before they are assigned.

    Two questions about all of them, of which the second, about ends, is in vain: the client asks for the
    metadata of several topics on no other occasion. Each question waits for the fetch under way: one a topic
    would take as many times longer.
    """
    try:
        ends = [TopicPartition(topic, 0, OFFSET_END) for topic in topics]
        consumer.offsets_for_times(ends, timeout=LEADERS_SECONDS)
    except KafkaException as error:
        _log.debug("no leaders of %d topics: %s", len(topics), error)


def known_offset(offset: int) -> int | None:
    """What an administrator's client was told; None where a leader was silent, no error to librdkafka."""
    return None if offset == OFFSET_INVALID else offset


def ask_bounds(consumer: Consumer, topic: str, partition: int) -> tuple[int, int] | None:
    """The first offset and the last stable one, asked from the broker; None if it did not answer."""
    try:
        bounds = consumer.get_watermark_offsets(TopicPartition(topic, partition), timeout=QUESTION_SECONDS)
    except KafkaException as error:
        _log.debug("no bounds of %s/%d: %s", topic, partition, error)
        return None
    return bounds or None
