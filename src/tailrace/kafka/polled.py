"""Records as a consumer of services has read them."""

import logging
from collections.abc import Collection, Sequence
from operator import itemgetter
from typing import cast

from confluent_kafka import KafkaError, Message

from tailrace.core.groups import Positions, Spot
from tailrace.core.records import Headers, Record
from tailrace.kafka.connection import UNKNOWN_TOPIC
from tailrace.kafka.errors import ELECTING, translate_error

_log = logging.getLogger("tailrace.runtime")

# What heals by itself, and is said in the client's log.
PASSING = ELECTING | {
    KafkaError._TRANSPORT,
    KafkaError._ALL_BROKERS_DOWN,
    KafkaError._TIMED_OUT,
    KafkaError._RESOLVE,
    KafkaError._MAX_POLL_EXCEEDED,
    KafkaError.REQUEST_TIMED_OUT,
    KafkaError.COORDINATOR_NOT_AVAILABLE,
    KafkaError.COORDINATOR_LOAD_IN_PROGRESS,
    KafkaError.NOT_COORDINATOR,
}


class KafkaPolled:
    """Messages, none of them an error; columns are made when they are asked for."""

    __slots__ = ("_headers", "_keys", "_messages", "_values")

    def __init__(self, messages: Sequence[Message]) -> None:
        self._messages = messages
        self._values: list[bytes | None] | None = None
        self._keys: list[bytes | None] | None = None
        self._headers: list[Headers] | None = None

    def __len__(self) -> int:
        return len(self._messages)

    # `map` over unbound methods stays in C: this is the hot path of services.

    def values(self) -> list[bytes | None]:
        """The values, a row each."""
        if self._values is None:
            self._values = list(map(Message.value, self._messages))
        return self._values

    def keys(self) -> list[bytes | None]:
        """The keys, a row each."""
        if self._keys is None:
            self._keys = list(map(Message.key, self._messages))
        return self._keys

    def headers(self) -> list[Headers]:
        """The headers, a row each."""
        if self._headers is None:
            self._headers = [cast("Headers", found or ()) for found in map(Message.headers, self._messages)]
        return self._headers

    def record(self, row: int) -> Record:
        """One row with all that Kafka keeps of it."""
        message = self._messages[row]
        return Record(
            cast("str", message.topic()),
            cast("int", message.partition()),
            cast("int", message.offset()),
            message.timestamp()[1],
            message.key(),
            message.value(),
            cast("Headers", message.headers() or ()),
        )

    def ends(self, start: int, stop: int) -> Positions:
        """For each partition among rows `start` to `stop` (exclusive), the offset after its last one."""
        messages = self._messages[start:stop]
        topics = set(map(Message.topic, messages))
        if len(topics) > 1:
            of_spots = dict(zip(_spots(messages), messages, strict=True))
            return {Spot(*spot): _next_offset(last) for spot, last in of_spots.items()}
        # Of one topic, as most are, the partitions alone take half the time.
        of_partitions = dict(zip(map(Message.partition, messages), messages, strict=True))
        topic = cast("str", topics.pop()) if topics else ""
        return {Spot(topic, cast("int", p)): _next_offset(last) for p, last in of_partitions.items()}

    def rest(self, start: int, lost: Collection[Spot]) -> "KafkaPolled":
        """The rows from `start` on without those of the lost partitions; may be none."""
        messages = self._messages[start:]
        kept = zip(_spots(messages), messages, strict=True)
        return KafkaPolled(list(map(itemgetter(1), (row for row in kept if row[0] not in lost))))


def _next_offset(message: Message) -> int:
    return cast("int", message.offset()) + 1


def _spots(messages: Sequence[Message]) -> "zip[tuple[str, int]]":
    pairs = zip(map(Message.topic, messages), map(Message.partition, messages), strict=True)
    return cast("zip[tuple[str, int]]", pairs)


def trusted(messages: Sequence[Message], missing: set[str]) -> KafkaPolled | None:
    """The records among what came; an error that does not heal is raised, once a missing topic is said."""
    if not any(map(Message.error, messages)):
        return KafkaPolled(messages) if messages else None
    for message in messages:
        error = message.error()
        if error is not None and (error.fatal() or error.code() not in PASSING):
            _say(message, error, missing)
    return trusted([message for message in messages if message.error() is None], missing)


def _say(message: Message, error: KafkaError, missing: set[str]) -> None:
    if error.code() in UNKNOWN_TOPIC and not error.fatal():
        topic = str(message.topic())
        if topic not in missing:
            missing.add(topic)
            _log.warning("There is no topic %r yet: waiting until it is made.", topic)
        return
    where = f"{message.topic()}[{message.partition()}]@{message.offset()}"
    raise translate_error(error, f"Records cannot be read at {where}.")
