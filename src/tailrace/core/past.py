"""What a place does behind the window: it reads blocks of each partition, and asks where there are none."""

from collections.abc import Callable, Collection, Mapping, Sequence

from tailrace.core.blocks import BlockCache, Key
from tailrace.core.feed import Feed
from tailrace.core.gaps import Gap, lost_gap
from tailrace.core.output import Output
from tailrace.core.partition_blocks import Answer, CachedBlock, Lost
from tailrace.core.questions import Questions
from tailrace.core.rows import Taker
from tailrace.core.selection import Selection


class Past:
    """Reads the past for one place, whose positions it moves.

    Args:
        feed: the topic as this process watches it.
        blocks: what is read of the past.
        selection: which records are wanted.
        gaps: where it tells what can no longer be had.
        wake: called when something that was asked for has come.
        clock: seconds, monotonic.
    """

    __slots__ = ("_blocks", "_feed", "_gaps", "_probed", "_rows", "_selection", "_wake", "asked", "entered")

    def __init__(
        self,
        feed: Feed,
        blocks: BlockCache,
        selection: Selection,
        gaps: list[Gap],
        wake: Callable[[], None],
        clock: Callable[[], float],
    ) -> None:
        self.asked = Questions(blocks, clock)
        # The partitions that are read on from blocks; changed in place, for the place looks at it too.
        self.entered: set[Key] = set()
        self._feed = feed
        self._blocks = blocks
        self._selection = selection
        self._gaps = gaps
        self._wake = wake
        self._rows = Taker(feed, selection)
        self._probed: dict[int, int] = {}

    def key(self, partition: int) -> Key:
        """What a partition's blocks are found by."""
        return (self._feed.topic, self._feed.window.tag, partition)

    def enter_only(self, behind: Collection[int]) -> None:
        """Let the blocks know which partitions are read on from them."""
        wanted = set(map(self.key, behind))
        for key in wanted - self.entered:
            self._blocks.enter(key)
        for key in self.entered - wanted:
            self._blocks.leave(key)
        self.entered.clear()
        self.entered |= wanted

    def forget(self) -> None:
        """Nothing that was asked before counts any more."""
        self.asked.withdraw()
        self._probed.clear()
        self.enter_only(())

    def forget_probes(self) -> bool:
        """Ask the log once more what it has before `to`; answers whether that was asked."""
        asked = bool(self._probed)
        self._probed.clear()
        return asked

    def behind(self, positions: dict[int, int]) -> list[int]:
        """The partitions that have to be read from the log before the window can be joined."""
        window = self._feed.window
        start = window.positions_at(window.base)
        owed = self.asked.owed()
        behind = [p for p, offset in positions.items() if offset < start.get(p, 0) and p not in owed]
        to = self._selection.to
        if to is None:
            return behind
        behind = [p for p in behind if positions[p] < to.get(p, 0)]
        return behind + [p for p in positions if p not in behind and self._unsure(p, positions, to)]

    def _unsure(self, partition: int, positions: dict[int, int], to: Mapping[int, int]) -> bool:
        """Whether only the log can say that nothing but aborted records comes before `to`."""
        offset = positions[partition]
        at_tip = offset >= self._feed.window.positions.get(partition, 0)
        if not at_tip or offset >= to.get(partition, 0) or self._probed.get(partition) == offset:
            return False
        if self._blocks.find(self.key(partition), offset) is None and partition not in self.asked:
            self._probed[partition] = offset
            self._ask(partition, positions)
        return True

    # -- blocks

    def take(self, behind: Sequence[int], positions: dict[int, int], out: Output) -> None:
        """Add what blocks hold next of these partitions; ask for those that are not there."""
        for partition in behind:
            if out.full:
                return
            if partition in self.asked:
                continue
            block = self._blocks.find(self.key(partition), positions[partition])
            if block is None:
                self._ask(partition, positions)
                continue
            if self._rows.take(block, block.chunk.runs[0], positions, out):
                self.passed(partition, block, positions)
        # Fair to each partition: the next turn starts with another.
        for partition in behind[:1]:
            positions[partition] = positions.pop(partition)

    def passed(self, partition: int, block: CachedBlock, positions: dict[int, int]) -> None:
        """All of a block was taken."""
        positions[partition] = max(positions[partition], self._block_end(partition, block))
        if positions[partition] < self._feed.window.positions.get(partition, 0):
            self._blocks.passed(self.key(partition), block)

    def _block_end(self, partition: int, block: CachedBlock) -> int:
        to = self._selection.end(partition)
        return block.stop if to is None else min(block.stop, max(to, block.start))

    # -- questions

    def _ask(self, partition: int, positions: dict[int, int]) -> None:
        # As long as a question is open its place keeps these positions: it is not plain.
        offset = positions[partition]

        def answered(answer: Answer) -> None:
            # Otherwise the window has brought it further meanwhile: the answer is about what it has passed.
            if positions[partition] == offset:
                self._move(partition, answer, positions)
            self._wake()

        self.asked.ask(self.key(partition), offset, answered)

    def _move(self, partition: int, answer: Answer, positions: dict[int, int]) -> None:
        offset = positions[partition]
        if isinstance(answer, Lost):
            gap = lost_gap(partition, offset, answer.earliest, answer.latest)
            self._gaps.append(gap)
            positions[partition] = answer.earliest if gap.cause == "retention" else answer.latest
        elif answer is not None:
            if answer.cause:
                self._gaps.append(Gap(partition, offset, answer.to, answer.cause))
            positions[partition] = max(offset, answer.to)
