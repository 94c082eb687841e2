"""Where the last N records over all partitions begin."""

import asyncio
import heapq
from array import array
from bisect import bisect_left
from collections.abc import AsyncIterator, Mapping

from tailrace.core.errors import Overloaded
from tailrace.core.ports import Block, LogReader, LostPosition
from tailrace.core.some_at_once import some_at_once

READ_BYTES = 1024 * 1024
# Other readers of the past want their turns too.
PARTITIONS_AT_ONCE = 4
# Looking at fewer of a partition together would cost as much.
LEAST_ROWS = 500
# Where few of a partition's offsets are records, it is looked that much further back next.
FURTHER = 4
# Who waits for a stream to begin asks anew after thirty seconds, and it would all begin anew.
FIND_SECONDS = 20.0
# The loop sees to its other work after so many records.
ROWS_AT_ONCE = 2_000


async def last_positions(
    reader: LogReader, topic: str, count: int, earliest: Mapping[int, int], latest: Mapping[int, int]
) -> dict[int, int]:
    """For each partition the offset from which on, together, they hold the last `count` records.

    They lie from `earliest` up to, not including, `latest`. Records count by timestamp; each partition's
    own order is kept. Fewer where the topic has fewer.

    Raises:
        Overloaded: so many can't be found in time.
    """
    positions = dict(latest)
    if not count:
        return positions
    log = _Log(reader, topic, count)
    # Together the partitions hold about as many records as are wanted, whichever of them has the last ones.
    rows = max(count // max(1, len(latest)), min(count, LEAST_ROWS))
    tails = [_Tail(log, p, earliest[p], end, rows) for p, end in latest.items()]
    await some_at_once(PARTITIONS_AT_ONCE, _Tail.look_back, tails)
    newest = [(-tail.timestamp, tail.partition, tail) for tail in tails if tail.found]
    heapq.heapify(newest)
    for left in range(count, 0, -1):
        if not newest:
            break
        _, partition, tail = newest[0]
        positions[partition] = tail.pop()
        if not tail.found:
            await tail.look_back()
        if tail.found:
            heapq.heapreplace(newest, (-tail.timestamp, partition, tail))
        else:
            heapq.heappop(newest)
        if left % ROWS_AT_ONCE == 0:
            await asyncio.sleep(0)
    return positions


class _Log:
    """A topic's records, for as long as somebody waits for what is sought in them."""

    def __init__(self, reader: LogReader, topic: str, count: int) -> None:
        self._reader = reader
        self._topic = topic
        self._count = count
        self._clock = asyncio.get_running_loop().time
        self._until = self._clock() + FIND_SECONDS

    async def read(self, partition: int, offset: int) -> Block:
        """The records of a partition from the offset on."""
        block = await self._reader.read(self._topic, partition, offset, READ_BYTES)
        if self._clock() > self._until:
            raise Overloaded(
                f"The last {self._count} records of {self._topic!r} were not found in {FIND_SECONDS:g} s.",
                hint="Ask for fewer, or start at a time such as -15m.",
            )
        return block


class _Tail:
    """The last records of one partition, from its end towards its start, `rows` of them at a time."""

    def __init__(self, log: _Log, partition: int, first: int, end: int, rows: int) -> None:
        self.partition = partition
        self._log = log
        self._first = first
        # All from here on was looked at.
        self._start = end
        self._rows = self._back = rows
        self._timestamps = array("q")
        self._offsets = array("q")

    @property
    def found(self) -> bool:
        """Whether a record is at hand."""
        return bool(self._offsets)

    @property
    def timestamp(self) -> int:
        """The timestamp of the last record at hand."""
        return self._timestamps[-1]

    def pop(self) -> int:
        """Take the last record at hand; answers its offset."""
        self._timestamps.pop()
        return self._offsets.pop()

    async def look_back(self) -> None:
        """Have some of the records at hand that come before those taken, if there are any."""
        while not self.found and self._start > self._first:
            stop, self._start = self._start, max(self._first, self._start - self._back)
            async for block in self._blocks(self._start, stop):
                self._keep(block, stop)
            few = len(self._offsets) < self._rows // 2 or not self.found
            self._back = self._back * FURTHER if few else self._rows

    async def _blocks(self, start: int, stop: int) -> AsyncIterator[Block]:
        while start < stop:
            try:
                block = await self._log.read(self.partition, start)
            except LostPosition as lost:
                if start > lost.latest:
                    return
                # Retention went past it meanwhile.
                start = max(lost.earliest, start + 1)
                continue
            yield block
            if block.at_end and block.next_offset <= start:
                return
            start = block.next_offset

    def _keep(self, block: Block, stop: int) -> None:
        """Keep the last ones; what is too many is read again if it is wanted."""
        chunk = block.chunk
        if chunk is None:
            return
        end = bisect_left(chunk.offsets, stop)
        self._offsets.extend(chunk.offsets[:end])
        self._timestamps.extend(chunk.timestamps[:end])
        if len(self._offsets) > self._rows:
            del self._offsets[: -self._rows]
            del self._timestamps[: -self._rows]
            self._start = self._offsets[0]
