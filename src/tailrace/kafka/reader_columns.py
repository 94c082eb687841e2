"""From the client's messages of one partition to a chunk."""

from collections.abc import Sequence
from typing import cast

from confluent_kafka import Message

from tailrace.core.records import Chunk, Headers, Run


class PartitionColumns:
    """Gathers messages of one partition, column by column.

    This is the hot path of every read: `map` over unbound methods stays in C, which takes half of the
    time of a loop over the messages.
    """

    __slots__ = ("_headers", "keys", "offsets", "timestamps", "values")

    def __init__(self) -> None:
        self.offsets: list[int] = []
        self.timestamps: list[int] = []
        self.keys: list[bytes | None] = []
        self.values: list[bytes | None] = []
        self._headers: list[Headers] = []

    def add(self, messages: Sequence[Message]) -> None:
        """Append messages without an error."""
        headers = list(map(Message.headers, messages))
        if self._headers or any(headers):
            self._headers += [()] * (len(self.offsets) - len(self._headers))
            self._headers += [cast("Headers", h or ()) for h in headers]
        self.offsets += map(Message.offset, messages)  # type: ignore[arg-type]  # never None without error
        self.timestamps += [at for _, at in map(Message.timestamp, messages)]
        self.keys += map(Message.key, messages)
        self.values += map(Message.value, messages)

    def chunk(self, topic: str, partition: int) -> Chunk | None:
        """What was gathered, None if nothing was."""
        if not self.offsets:
            return None
        runs = (Run(partition, 0, len(self.offsets)),)
        headers = self._headers or None
        return Chunk(topic, runs, self.offsets, self.timestamps, self.keys, self.values, headers)
