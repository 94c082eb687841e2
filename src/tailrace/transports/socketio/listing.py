"""All records of a topic up to its end, oldest first, with bounded memory.

A merge that always takes the partition whose next record has the smallest (timestamp, partition), so that
the order inside a partition never changes, whatever its timestamps.
"""

import asyncio
import heapq
from collections.abc import Mapping

from tailrace.core.ports import LogReader, LostPosition
from tailrace.core.records import Chunk

# Held at a time by one list: its partitions share it.
LIST_BYTES = 4 << 20
MOST_READ_BYTES = 1 << 20
LEAST_READ_BYTES = 8 << 10


class Listing:
    """The records from `start` up to, not including, `end` of each partition; holds about `total_bytes`."""

    def __init__(
        self,
        reader: LogReader,
        topic: str,
        start: Mapping[int, int],
        end: Mapping[int, int],
        *,
        total_bytes: int = LIST_BYTES,
    ) -> None:
        share = total_bytes // max(1, len(start))
        size = min(max(share, LEAST_READ_BYTES), MOST_READ_BYTES)
        self._partitions = {
            p: _Partition(reader, topic, p, offset, end.get(p, 0), size) for p, offset in start.items()
        }
        self._next: list[tuple[int, int]] | None = None

    async def more(self) -> bool:
        """Whether there is a next record; it is read if need be."""
        if self._next is None:
            await asyncio.gather(*(partition.fill() for partition in self._partitions.values()))
            found = [(part.timestamp, p) for p, part in self._partitions.items() if part.filled]
            heapq.heapify(found)
            self._next = found
        while self._next:
            _, number = self._next[0]
            partition = self._partitions[number]
            if partition.filled:
                return True
            await partition.fill()
            if partition.filled:
                heapq.heapreplace(self._next, (partition.timestamp, number))
            else:
                heapq.heappop(self._next)
        return False

    def take(self) -> bytes | None:
        """The value of the next record; only after `more`."""
        assert self._next
        number = self._next[0][1]
        partition = self._partitions[number]
        value = partition.take()
        if partition.filled:
            heapq.heapreplace(self._next, (partition.timestamp, number))
        return value

    def release(self) -> None:
        """Hold no record; they are read again when the list goes on."""
        for partition in self._partitions.values():
            partition.release()
        self._next = None


class _Partition:
    """One partition's next record, and as many after it as one read gave."""

    def __init__(self, reader: LogReader, topic: str, number: int, start: int, end: int, size: int) -> None:
        self._reader = reader
        self._topic = topic
        self._number = number
        self._offset = start
        self._end = end
        self._size = size
        self._chunk: Chunk | None = None
        self._row = 0
        self._after = start
        self.filled = False
        self.timestamp = 0

    async def fill(self) -> None:
        """Find the next record; `filled` tells whether there is one."""
        while not self.filled and self._offset < self._end:
            try:
                block = await self._reader.read(self._topic, self._number, self._offset, self._size)
            except LostPosition as lost:
                # Retention was faster than this client; a log that was cut has nothing more to list.
                self._offset = lost.earliest if lost.earliest > self._offset else self._end
                continue
            self._after = block.next_offset
            if block.chunk is None:
                self._offset = self._end if block.at_end else block.next_offset
                continue
            self._chunk, self._row = block.chunk, 0
            self._look()

    def take(self) -> bytes | None:
        """Its next value."""
        assert self._chunk is not None
        value = self._chunk.values[self._row]
        self._offset = self._chunk.offsets[self._row] + 1
        self._row += 1
        self._look()
        return value

    def release(self) -> None:
        """Hold no record."""
        self._chunk = None
        self.filled = False

    def _look(self) -> None:
        chunk = self._chunk
        assert chunk is not None
        if self._row == len(chunk):
            self.release()
            self._offset = self._after
        else:
            self.filled = chunk.offsets[self._row] < self._end
            self.timestamp = chunk.timestamps[self._row]
            if not self.filled:
                self._offset = self._end
