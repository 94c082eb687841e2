"""The last lines of a task's topic, over all its partitions."""

import heapq
from bisect import bisect_left
from collections import deque
from collections.abc import AsyncIterator, Callable, Sequence
from dataclasses import dataclass, replace
from typing import NamedTuple

from tailrace.core.hub import Hub
from tailrace.core.locate import TopicStart
from tailrace.core.ports import LogReader, LostPosition
from tailrace.core.starts import END, MAX_LAST, Last
from tailrace.protocol.tasklog_lines import log_lines

READ_BYTES = 1 << 20
# Lines that are held until all are known; of longer ones there are fewer.
HELD_BYTES = 16 << 20
# What a line takes beside its bytes, about.
LINE_BYTES = 48


class _Row(NamedTuple):
    timestamp: int
    lines: Sequence[bytes]


@dataclass(frozen=True, slots=True)
class LastLines:
    """The lines, and where the topic stands before and after them."""

    lines: Sequence[bytes]
    before: TopicStart
    after: TopicStart


async def last_lines(
    hub: Hub, reader: LogReader, topic: str, count: int, hold: Callable[[int], None]
) -> LastLines:
    """A topic's last lines; `hold` is told of each further byte that is held for them.

    Raises:
        Overloaded: `hold` says that there is no room.
        TopicNotFound: it does not exist.
        BrokerUnavailable: no broker can say so at present.
    """
    records = max(count, 1)
    while True:
        (found,) = await hub.locate([topic], Last(min(records, MAX_LAST)), END)
        rows, size = await _read(reader, found, hold)
        lines = deque((line for row in heapq.merge(*rows, key=_when) for line in row.lines), maxlen=count)
        read = sum(map(len, rows))
        # Records without a value have no line; fewer records than asked for are all there are.
        if len(lines) == count or read < records or records >= MAX_LAST or size > HELD_BYTES:
            return LastLines(
                list(lines), found, replace(found, positions=found.to or found.positions, to=None)
            )
        records *= 4


def _size(row: _Row) -> int:
    return sum(map(len, row.lines)) + LINE_BYTES * len(row.lines)


def _when(row: _Row) -> int:
    return row.timestamp


async def _read(
    reader: LogReader, found: TopicStart, hold: Callable[[int], None]
) -> tuple[Sequence[Sequence[_Row]], int]:
    """Each partition's rows from the start to the end, the last of them if they are too large."""
    partitions: list[Sequence[_Row]] = []
    size = 0
    for partition, end in (found.to or {}).items():
        rows: deque[_Row] = deque()
        held = most = 0
        async for row in _rows(reader, found.feed.topic, partition, found.positions.get(partition, end), end):
            rows.append(row)
            held += _size(row)
            while held > HELD_BYTES // max(1, len(found.to or ())) and len(rows) > 1:
                held -= _size(rows.popleft())
            if held > most:
                hold(held - most)
                most = held
        partitions.append(rows)
        size += held
    return partitions, size


async def _rows(reader: LogReader, topic: str, partition: int, offset: int, end: int) -> AsyncIterator[_Row]:
    while offset < end:
        try:
            block = await reader.read(topic, partition, offset, READ_BYTES)
        except LostPosition as lost:
            if lost.earliest <= offset:
                return
            offset = lost.earliest
            continue
        if chunk := block.chunk:
            for row in range(bisect_left(chunk.offsets, end)):
                yield _Row(chunk.timestamps[row], log_lines(chunk.values[row]) or ())
        if block.next_offset <= offset:
            return
        offset = block.next_offset
