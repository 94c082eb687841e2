"""Catch-up reads: one cache in front of the log, so that readers near each other share what is read."""

import asyncio
import logging
from collections import OrderedDict
from collections.abc import Callable, Coroutine, Iterator
from functools import partial
from itertools import count

from tailrace.core.errors import TailraceError
from tailrace.core.partition_blocks import (
    NEAR_OFFSETS,
    Answer,
    CachedBlock,
    Lost,
    PartitionBlocks,
    Skip,
    Waiter,
)
from tailrace.core.ports import Block, LogReader, LostPosition
from tailrace.core.records import Chunk, Run

_log = logging.getLogger("tailrace.blocks")

# One read: large enough to be cheap for the broker and for crossing threads.
READ_BYTES = 384 * 1024
# A block is encoded and written at once: it stays below one write.
BLOCK_BYTES = 200 * 1024
# Every so many reads it is found out what blocks hold with their encodings; that takes a look at each.
WEIGH_EVERY = 16
# How far a reader's next blocks are read before it asks: one is written while another is read.
BLOCKS_AHEAD = 4
RETRY_SECONDS = 0.5
ALL_OFFSETS = 2**63
# A reader that hears that it stands at the end already may ask again at once.
END_SECONDS = 0.05

Key = tuple[str, str, int]
"""Topic, its tag, partition: a topic made again never meets the old one's blocks."""


class BlockCache:
    """Blocks by least recent use, bounded in bytes; misses are read once, however many wait.

    Args:
        reader: the log.
        limit: bytes of records and encodings to hold.
        spawn: runs a coroutine to its end.
    """

    def __init__(
        self,
        reader: LogReader,
        limit: int,
        spawn: Callable[[Coroutine[object, object, None]], object],
    ) -> None:
        self._reader = reader
        self.records_read = 0
        self._stored = self._held = 0
        self._limit = limit
        self._spawn = spawn
        self._partitions: dict[Key, PartitionBlocks] = {}
        self._recent: OrderedDict[int, tuple[Key, CachedBlock]] = OrderedDict()
        self._serials: dict[CachedBlock, int] = {}
        self._serial = count()

    @property
    def nbytes(self) -> int:
        """What the cached blocks hold at present."""
        return sum(block.nbytes for _, block in self._recent.values())

    def find(self, key: Key, offset: int) -> CachedBlock | None:
        """The cached block that covers the offset, if there is one."""
        partition = self._partitions.get(key)
        block = partition.find(offset) if partition else None
        if block is not None:
            self._recent.move_to_end(self._serials[block])
        return block

    def request(self, key: Key, offset: int, waiter: Waiter) -> Callable[[], None]:
        """Have the offset read; the waiter is told once it is cached, or why it can't be.

        What it answers withdraws the question: a read that failed is tried again for as long as one waits.
        """
        partition = self._partitions.setdefault(key, PartitionBlocks())
        partition.waiting.setdefault(offset, []).append(waiter)
        self._read_more(key, partition)
        return partial(partition.withdraw, offset, waiter)

    def enter(self, key: Key) -> None:
        """A reader begins to read a partition on."""
        self._partitions.setdefault(key, PartitionBlocks()).readers += 1

    def leave(self, key: Key) -> None:
        """It reads there no more."""
        partition = self._partitions[key]
        partition.readers -= 1
        if not partition.readers:
            partition.withdraw_all(_nobody)
        self._forget_empty(key, partition)

    def forget(self, key: Key) -> None:
        """Nothing that was read of a partition holds any more; who waits asks anew."""
        old = self._partitions.get(key)
        if old is None:
            return
        for block in list(old.blocks.values()):
            self._drop(key, block)
        renewed = self._partitions[key] = PartitionBlocks()
        renewed.readers = old.readers
        old.answer(0, ALL_OFFSETS, None)
        self._forget_empty(key, renewed)

    def passed(self, key: Key, block: CachedBlock) -> None:
        """A reader that entered has taken all of a block: have the next ones read, let go of what is done.

        A reader on its own leaves no blocks behind: memory that is used again at once is twice as fast.
        """
        partition = self._partitions[key]
        ahead = block.stop
        for _ in range(BLOCKS_AHEAD):
            following = partition.find(ahead)
            if following is None:
                if ahead not in partition.waiting:
                    self.request(key, ahead, _nobody)
                break
            ahead = following.stop
        if partition.readers == 1 and partition.blocks.get(block.start) is block:
            self._drop(key, block)

    def _drop(self, key: Key, block: CachedBlock) -> None:
        del self._recent[self._serials.pop(block)]
        self._partitions[key].drop(block)
        self._held -= block.chunk.nbytes

    def _forget_empty(self, key: Key, partition: PartitionBlocks) -> None:
        if not (partition.blocks or partition.waiting or partition.reading or partition.readers):
            self._partitions.pop(key, None)

    def _read_more(self, key: Key, partition: PartitionBlocks) -> None:
        while (offset := partition.next_wanted()) is not None:
            partition.reading.add(offset)
            self._spawn(self._read(key, partition, offset))

    async def _read(self, key: Key, partition: PartitionBlocks, offset: int) -> None:
        try:
            block = await self._reader.read(key[0], key[2], offset, READ_BYTES)
        except LostPosition as lost:
            partition.answer(offset, offset + 1, Lost(lost.earliest, lost.latest))
        except TailraceError:
            # The broker is away, or the topic is gone: who waits goes on waiting until that changes.
            await asyncio.sleep(RETRY_SECONDS)
        except Exception:  # noqa: BLE001 - a fault in one read, such as no threads left, must not end them all
            if not partition.faulty:
                _log.exception("Partition %d of %r can't be read; it is tried again.", key[2], key[0])
            partition.faulty = True
            await asyncio.sleep(RETRY_SECONDS)
        else:
            partition.faulty = False
            if block.next_offset <= offset:
                await asyncio.sleep(END_SECONDS)
            if self._partitions.get(key) is partition:
                self._take(key, partition, offset, block)
        finally:
            partition.reading.discard(offset)
        # Otherwise it was forgotten meanwhile: who waited has asked anew.
        if self._partitions.get(key) is partition:
            self._read_more(key, partition)
            self._forget_empty(key, partition)

    def _take(self, key: Key, partition: PartitionBlocks, offset: int, block: Block) -> None:
        if block.chunk is not None:
            self.records_read += len(block.chunk)
            for part in _parts(offset, block.next_offset, block.chunk):
                self._store(key, partition, part)
            self._weigh()
            partition.answer(offset, block.next_offset, None)
        for low, high, cause in block.skipped:
            partition.answer(low, high, Skip(high, cause=cause))
        if block.chunk is None:
            # At least the reader that asked has to hear, even if it stands at the end already.
            stop = max(block.next_offset, offset + 1)
            partition.answer(offset, stop, Skip(max(block.next_offset, offset), block.at_end))
        if block.at_end:
            for wanted in [o for o in partition.waiting if block.next_offset <= o < offset + NEAR_OFFSETS]:
                partition.answer(wanted, wanted + 1, Skip(wanted, at_end=True))

    def _store(self, key: Key, partition: PartitionBlocks, block: CachedBlock) -> None:
        replaced = partition.store(block)
        if replaced is not None:
            del self._recent[self._serials.pop(replaced)]
        serial = next(self._serial)
        self._serials[block] = serial
        self._recent[serial] = (key, block)
        self._held += block.chunk.nbytes

    def _weigh(self) -> None:
        """Let the blocks go that were read least recently, as many as are too many."""
        self._stored += 1
        if self._held <= self._limit and self._stored % WEIGH_EVERY:
            return
        held = self.nbytes
        # A little more than needed, so that not every read has to weigh.
        while held > self._limit * 7 // 8 and len(self._recent) > 1:
            _, (old_key, old) = self._recent.popitem(last=False)
            held -= old.nbytes
            del self._serials[old]
            partition = self._partitions[old_key]
            partition.drop(old)
            self._forget_empty(old_key, partition)
        self._held = held


def _parts(start: int, stop: int, chunk: Chunk) -> Iterator[CachedBlock]:
    """What was read, in blocks that each fit in one write."""
    rows = max(1, int(BLOCK_BYTES * len(chunk) / chunk.nbytes))
    if rows >= len(chunk):
        yield CachedBlock(start, stop, chunk)
        return
    (run,) = chunk.runs
    for row in range(0, len(chunk), rows):
        end = min(row + rows, len(chunk))
        here = start if row == 0 else chunk.offsets[row]
        there = stop if end == len(chunk) else chunk.offsets[end]
        yield CachedBlock(here, there, chunk.slice(Run(run.partition, row, end)))


def _nobody(_answer: Answer) -> None:
    """Nobody waits yet: the block was read ahead."""
