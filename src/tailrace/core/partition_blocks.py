"""What is cached of one partition, and who waits for more of it."""

from bisect import bisect_right, insort
from collections.abc import Callable
from dataclasses import dataclass

from tailrace.core.formats import Format
from tailrace.core.records import Chunk
from tailrace.core.window import Encodings, Payload

# A read under way will soon serve whoever waits at most this many offsets after its start.
NEAR_OFFSETS = 16_384
# More at once on one partition would fetch the same bytes several times.
READS_PER_PARTITION = 2


class CachedBlock(Encodings):
    """The records of one partition from `start` up to, not including, `stop`."""

    __slots__ = ("_payloads", "start", "stop")

    def __init__(self, start: int, stop: int, chunk: Chunk) -> None:
        super().__init__(chunk)
        self.start = start
        self.stop = stop
        self._payloads: dict[Format, Payload] = {}

    def payload(self, format_: Format, tag: str, cursor: Callable[[], str]) -> Payload:
        """One write of the whole block of a topic of one partition; `cursor` is the reader's after it."""
        found = self._payloads.get(format_)
        if found is None:
            records = format_.records(self.chunk, tag, {self.chunk.runs[0].partition: self.start})
            data = format_.frame(records if format_.cursor_in_records else records + format_.cursor(cursor()))
            found = self._payloads[format_] = Payload(data, self.stop, len(self.chunk))
            self.nbytes += len(data)
        return found


@dataclass(frozen=True, slots=True)
class Skip:
    """There is nothing to deliver up to `to`; with a cause, records there are lost and it is a gap."""

    to: int
    at_end: bool = False
    cause: str | None = None


@dataclass(frozen=True, slots=True)
class Lost:
    """The offset is not in the log; these bound what is."""

    earliest: int
    latest: int


Answer = Skip | Lost | None
"""None: the block is in the cache now."""
Waiter = Callable[[Answer], None]


class PartitionBlocks:
    """What is cached and wanted of one partition."""

    def __init__(self) -> None:
        self.starts: list[int] = []
        self.blocks: dict[int, CachedBlock] = {}
        self.waiting: dict[int, list[Waiter]] = {}
        self.reading: set[int] = set()
        # Where the last read began.
        self.last_read = -1
        # Places that read on from here: what the only one has passed nobody will ask for.
        self.readers = 0
        # A fault that lasts is logged once.
        self.faulty = False

    def find(self, offset: int) -> CachedBlock | None:
        """The cached block that covers the offset."""
        at = bisect_right(self.starts, offset) - 1
        if at < 0:
            return None
        block = self.blocks[self.starts[at]]
        return block if offset < block.stop else None

    def store(self, block: CachedBlock) -> CachedBlock | None:
        """Keep a block; answers the one that it replaces."""
        replaced = self.blocks.get(block.start)
        if replaced is None:
            insort(self.starts, block.start)
        self.blocks[block.start] = block
        return replaced

    def drop(self, block: CachedBlock) -> None:
        """Forget a block."""
        del self.blocks[block.start]
        self.starts.remove(block.start)

    def next_wanted(self) -> int | None:
        """The offset to read next, of those that no read under way will reach soon.

        Upwards from the last one, then from the lowest again: a crowd's reads follow each other without
        fetching anything twice, and nobody is kept waiting by those at lower offsets.
        """
        if len(self.reading) >= READS_PER_PARTITION:
            return None
        wanted = sorted(self.waiting)
        at = bisect_right(wanted, self.last_read)
        for offset in (*wanted[at:], *wanted[:at]):
            if not any(start <= offset < start + NEAR_OFFSETS for start in self.reading):
                self.last_read = offset
                return offset
        return None

    def withdraw(self, offset: int, waiter: Waiter) -> None:
        """The waiter waits no more."""
        waiters = self.waiting.get(offset, [])
        if waiter in waiters:
            waiters.remove(waiter)
        if not waiters:
            self.waiting.pop(offset, None)

    def withdraw_all(self, waiter: Waiter) -> None:
        """The waiter waits nowhere any more."""
        for offset in list(self.waiting):
            self.withdraw(offset, waiter)

    def answer(self, low: int, high: int, answer: Answer) -> None:
        """Tell whoever waits for an offset from `low` up to, not including, `high`."""
        for offset in [o for o in self.waiting if low <= o < high]:
            for waiter in self.waiting.pop(offset):
                waiter(answer)
