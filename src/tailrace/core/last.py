"""Where the last N records over all partitions begin."""

import heapq
from collections.abc import Mapping, Sequence

from tailrace.core.ports import LogReader, LostPosition

READ_BYTES = 1024 * 1024

Stamp = tuple[int, int]
"""A record's timestamp and offset."""


async def last_positions(
    reader: LogReader, topic: str, count: int, before: Mapping[int, int] | None = None
) -> dict[int, int]:
    """For each partition the offset from which on, together, they hold the last `count` records.

    They end at `before`, by default at the end of the topic. Records count by timestamp; each partition's
    own order is kept. Fewer where the topic has fewer.
    """
    earliest, latest = await reader.earliest(topic), dict(await reader.latest(topic))
    if before is not None:
        latest = {p: min(end, before.get(p, 0)) for p, end in latest.items()}
    stamps = {p: await _last_stamps(reader, topic, p, earliest[p], latest[p], count) for p in latest}
    positions = dict(latest)
    tails = [(-rows[-1][0], p, len(rows) - 1) for p, rows in stamps.items() if rows]
    heapq.heapify(tails)
    for _ in range(count):
        if not tails:
            break
        _, partition, at = heapq.heappop(tails)
        positions[partition] = stamps[partition][at][1]
        if at:
            heapq.heappush(tails, (-stamps[partition][at - 1][0], partition, at - 1))
    return positions


async def _last_stamps(
    reader: LogReader, topic: str, partition: int, earliest: int, latest: int, count: int
) -> Sequence[Stamp]:
    """At least the last `count` records of a partition, or all; offsets have holes, so it may look twice."""
    back = count
    while True:
        start = max(earliest, latest - back)
        stamps = await _stamps(reader, topic, partition, start, latest)
        if len(stamps) >= count or start <= earliest:
            return stamps[-count:]
        back *= 4


async def _stamps(reader: LogReader, topic: str, partition: int, start: int, stop: int) -> Sequence[Stamp]:
    stamps: list[Stamp] = []
    while start < stop:
        try:
            block = await reader.read(topic, partition, start, READ_BYTES)
        except LostPosition as lost:
            if start > lost.latest:
                break
            # Retention went past it meanwhile.
            start = max(lost.earliest, start + 1)
            continue
        if block.chunk is not None:
            stamps += zip(block.chunk.timestamps, block.chunk.offsets, strict=True)
        if block.at_end and block.next_offset <= start:
            break
        start = block.next_offset
    return [stamp for stamp in stamps if stamp[1] < stop]
