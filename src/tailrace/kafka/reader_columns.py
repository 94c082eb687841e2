"""From the client's messages of one partition to a chunk."""

from collections.abc import Sequence
from operator import itemgetter
from typing import cast

from confluent_kafka import Message

from tailrace.core.records import Chunk, Headers, Run

_at = itemgetter(1)


def partition_chunk(topic: str, partition: int, messages: Sequence[Message]) -> Chunk | None:
    """Messages of one partition, without an error among them, as a chunk; None if there are none.

    This is the hot path of every read: `map` over unbound methods stays in C, which takes half of the
    time of a loop over the messages, and a column that a reader of bare values never asks for is not made.
    """
    if not messages:
        return None
    return Chunk(
        topic,
        (Run(partition, 0, len(messages)),),
        _offsets(messages),
        lambda: list(map(_at, map(Message.timestamp, messages))),
        list(map(Message.key, messages)),
        list(map(Message.value, messages)),
        _headers(messages) if any(map(Message.headers, messages)) else None,
    )


def _offsets(messages: Sequence[Message]) -> Sequence[int]:
    first, last = cast("int", messages[0].offset()), cast("int", messages[-1].offset())
    if last - first + 1 == len(messages):
        # Offsets ascend, so nothing is missing between.
        return range(first, last + 1)
    return cast("list[int]", list(map(Message.offset, messages)))


def _headers(messages: Sequence[Message]) -> list[Headers]:
    return [cast("Headers", headers or ()) for headers in map(Message.headers, messages)]
