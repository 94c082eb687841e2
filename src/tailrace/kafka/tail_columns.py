"""From a tail consumer's messages, of any topics and partitions, to one chunk per topic."""

from collections.abc import Iterator, Sequence
from typing import cast

from confluent_kafka import Message

from tailrace.core.records import Chunk, Headers, Run


def chunks(messages: Sequence[Message]) -> Iterator[Chunk]:
    """The messages, none of them an error and at least one, as chunks in order of first sight."""
    topics = cast("list[str]", list(map(Message.topic, messages)))
    if topics.count(topics[0]) == len(topics):
        yield _chunk(topics[0], messages)
        return
    by_topic: dict[str, list[Message]] = {}
    for topic, message in zip(topics, messages, strict=True):
        by_topic.setdefault(topic, []).append(message)
    for topic, of_topic in by_topic.items():
        yield _chunk(topic, of_topic)


def _chunk(topic: str, messages: Sequence[Message]) -> Chunk:
    # `map` over unbound methods stays in C: this is the hot path of everything live.
    headers = list(map(Message.headers, messages))
    return Chunk(
        topic,
        _runs(cast("list[int]", list(map(Message.partition, messages)))),
        cast("list[int]", list(map(Message.offset, messages))),
        [at for _, at in map(Message.timestamp, messages)],
        list(map(Message.key, messages)),
        list(map(Message.value, messages)),
        [cast("Headers", h or ()) for h in headers] if any(headers) else None,
    )


def _runs(partitions: list[int]) -> list[Run]:
    first, rows = partitions[0], len(partitions)
    if partitions.count(first) == rows:
        return [Run(first, 0, rows)]
    runs: list[Run] = []
    start = 0
    for row, partition in enumerate(partitions):
        if partition != partitions[start]:
            runs.append(Run(partitions[start], start, row))
            start = row
    runs.append(Run(partitions[start], start, rows))
    return runs
