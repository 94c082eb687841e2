"""A reader's place in one topic: behind the window, joining it, or a plain index in it.

Every process orders a topic in its own way, so a cursor hardly ever lies on another's chunk border.
A reader that comes from elsewhere keeps one position per partition. Behind the window it reads blocks
of each partition. Then it goes along the window and takes from each chunk only what lies at or past its
positions. Once it has passed them all it is a plain index, which costs nothing per partition.
"""

from bisect import bisect_left
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass

from tailrace.core.blocks import Answer, BlockCache, CachedBlock, Key, Lost
from tailrace.core.cursors import format_topic
from tailrace.core.feed import Feed
from tailrace.core.gaps import Gap, lost_gap, place_before
from tailrace.core.output import Output
from tailrace.core.records import Run
from tailrace.core.routes import Match
from tailrace.core.window import Encodings

# A partition whose read has not answered for this long is owed: the others go on without it.
OWED_AFTER_SECONDS = 1.0


@dataclass(frozen=True, slots=True)
class Selection:
    """Which of a topic's records a reader wants.

    `partitions` None is all; `to` is the offset at which each partition ends; `counted` says that the
    reader ends after a number of records, so that it can't take whole chunks.
    """

    match: Match | None = None
    partitions: frozenset[int] | None = None
    to: Mapping[int, int] | None = None
    counted: bool = False

    @property
    def bounded(self) -> bool:
        """Whether a reader of it has to look at each partition's rows to the end."""
        return self.partitions is not None or self.to is not None or self.counted


@dataclass(frozen=True, slots=True)
class _Question:
    """What was asked of the log and is not answered yet."""

    since: float
    withdraw: Callable[[], None]


class Place:
    """Where one reader stands in one topic, and what is next from there.

    Args:
        feed: the topic as this process watches it.
        blocks: what is read of the past.
        positions: the next offset of every partition it reads.
        selection: which records are wanted.
        wake: called when something that was asked for has come.
        clock: seconds, monotonic.
    """

    def __init__(
        self,
        feed: Feed,
        blocks: BlockCache,
        positions: Mapping[int, int],
        selection: Selection,
        wake: Callable[[], None],
        clock: Callable[[], float],
    ) -> None:
        self.feed = feed
        self.selection = selection
        self.gaps: list[Gap] = []
        self._blocks = blocks
        self._wake = wake
        self._clock = clock
        # Its own while it joins; shared with the window's entries, so never changed, once it is plain.
        self._positions: dict[int, int] | Mapping[int, int] = dict(positions)
        self._seq: int | None = None
        self._asked: dict[int, _Question] = {}
        self._entered: set[Key] = set()
        self._probed: dict[int, int] = {}
        self._settle()

    # -- where it stands

    @property
    def plain(self) -> bool:
        """Whether it is no more than an index in the window."""
        return self._seq is not None

    @property
    def seq(self) -> int:
        """The next entry of the window, of a plain place."""
        assert self._seq is not None
        return self._seq

    @property
    def in_window(self) -> bool:
        """Whether it is plain and its entry is still there."""
        return self._seq is not None and self._seq >= self.feed.window.base

    @property
    def at_tip(self) -> bool:
        """Whether nothing is left to take until new records come."""
        window = self.feed.window
        if self._seq is not None:
            return self._seq == window.tip
        owed = self._owed()
        there = window.positions
        return all(self._positions[p] >= there.get(p, 0) for p in self._positions if p not in owed)

    @property
    def waits(self) -> bool:
        """Whether its next turn has nothing to take before it is woken, if the last one had nothing."""
        return self._seq is None or self.at_tip

    @property
    def finished(self) -> bool:
        """Whether `to` is reached in every partition."""
        to = self.selection.to
        return to is not None and all(self._positions.get(p, 0) >= end for p, end in to.items())

    @property
    def positions(self) -> Mapping[int, int]:
        """The next offset of each partition."""
        return self._positions

    def cursor_text(self) -> str:
        """The topic's part of the cursor: who comes back with it is told of the gaps not told yet."""
        window = self.feed.window
        if self.gaps:
            return format_topic(self.feed.topic, *place_before(self.gaps, window.tag, self._positions))
        if self._seq is not None and self._seq >= window.base:
            return window.cursor_text(self.feed.topic, self._seq)
        return format_topic(self.feed.topic, window.tag, self._positions)

    # -- how it moves

    def go_to(self, seq: int) -> None:
        """A plain place goes on to another entry of the window."""
        self._seq = seq
        self._positions = self.feed.window.positions_at(seq)

    @property
    def owes(self) -> bool:
        """Whether a partition that can't be read holds it up no more."""
        return bool(self._owed())

    def pass_over(self, seq: int) -> None:
        """Nothing before the entry `seq` matches its filter: it need not be looked at."""
        if self._seq is not None:
            self.go_to(seq)
            return
        positions = self._positions
        assert isinstance(positions, dict)
        if self._asked or self._behind(positions):
            return
        for partition, offset in self.feed.window.positions_at(seq).items():
            if partition in positions:
                end = self._end(partition)
                there = offset if end is None else min(offset, end)
                positions[partition] = max(positions[partition], there)

    def leave_window(self) -> None:
        """Keep positions of its own: its entries are gone, or the window starts anew."""
        if self._seq is not None:
            self._positions = dict(self._positions)
            self._seq = None

    def restart(self, positions: Mapping[int, int], gaps: Sequence[Gap]) -> None:
        """Go on at other positions, and tell why; nothing that was asked before counts any more."""
        for question in self._asked.values():
            question.withdraw()
        self._asked.clear()
        self._probed.clear()
        self._enter_only(())
        self._seq = None
        self._positions = {p: offset for p, offset in positions.items() if self._wants(p)}
        self.gaps += [gap for gap in gaps if self._wants(gap.partition)]

    def take(self, out: Output) -> None:
        """Add what is next to the output, as much as it has room for."""
        self.tell_gaps(out)
        if self._seq is not None and not self.in_window:
            self.leave_window()
        if self._seq is not None:
            self._take_plain(self._seq, out)
            return
        positions = self._positions
        assert isinstance(positions, dict)
        self._name_new_partitions(positions)
        behind = self._behind(positions)
        if behind:
            self._enter_only(behind)
            self._take_blocks(behind, positions, out)
            behind = self._behind(positions)
        if not behind:
            self._enter_only(())
            self._join(positions, out)

    def tell_gaps(self, out: Output) -> None:
        """Add the gaps that its client does not know of yet."""
        while self.gaps:
            # Told from here on, as far as the cursor in its event goes.
            gap = self.gaps.pop(0)
            out.event("gap", gap.event(self.feed.topic))

    # -- along the window

    def _take_plain(self, seq: int, out: Output) -> None:
        window = self.feed.window
        while seq < window.tip and not out.full:
            entry = window.entry(seq)
            if self.selection.match is None:
                data = entry.encoded(out.format, window.tag, entry.before).data
                out.add(data, len(entry.chunk))
            else:
                encoded = None
                for row in entry.rows(self.selection.match):
                    encoded = encoded or entry.encoded(out.format, window.tag, entry.before)
                    out.add(encoded.rows(row, row + 1), 1)
            seq += 1
        self.go_to(seq)

    def _join(self, positions: dict[int, int], out: Output) -> None:
        window = self.feed.window
        owed = self._owed()
        seq = window.locate(positions, owed | self._ended(positions))
        if seq is None:
            return
        # Past what it has had of some partitions it goes on as a plain place, which takes all there is.
        stop = window.tip if self._never_plain else window.passed(positions)
        while seq < stop:
            entry = window.entry(seq)
            for run in entry.chunk.runs:
                wanted = run.partition in positions and run.partition not in owed
                if wanted and not self._take_run(entry, run, positions, out):
                    return
            seq += 1
            if out.full:
                break
        self._settle()

    @property
    def _never_plain(self) -> bool:
        """Whether it has, for now, something of its own to remember for each partition."""
        return bool(self._asked) or self.selection.bounded

    def _settle(self) -> None:
        """Become plain where nothing of its own is left to remember."""
        if self._never_plain:
            return
        window = self.feed.window
        seq = window.locate(self._positions)
        if seq is None:
            return
        there = window.positions_at(seq)
        passed = all(self._positions.get(p, 0) <= offset for p, offset in there.items())
        if passed and len(there) == len(self._positions):
            self.go_to(seq)

    # -- behind the window

    def _enter_only(self, behind: Collection[int]) -> None:
        """Let the blocks know which partitions are read on from them."""
        wanted = set(map(self._key, behind))
        for key in wanted - self._entered:
            self._blocks.enter(key)
        for key in self._entered - wanted:
            self._blocks.leave(key)
        self._entered = wanted

    def _behind(self, positions: Mapping[int, int]) -> list[int]:
        """The partitions that have to be read from the log before the window can be joined."""
        window = self.feed.window
        start = window.positions_at(window.base)
        owed = self._owed()
        behind = [p for p, offset in positions.items() if offset < start.get(p, 0) and p not in owed]
        to = self.selection.to
        if to is None:
            return behind
        behind = [p for p in behind if positions[p] < to.get(p, 0)]
        return behind + [p for p in positions if p not in behind and self._unsure(p, positions[p], to)]

    def _unsure(self, partition: int, offset: int, to: Mapping[int, int]) -> bool:
        """Whether only the log can say that nothing but aborted records comes before `to`."""
        at_tip = offset >= self.feed.window.positions.get(partition, 0)
        if not at_tip or offset >= to.get(partition, 0) or self._probed.get(partition) == offset:
            return False
        if self._blocks.find(self._key(partition), offset) is None and partition not in self._asked:
            self._probed[partition] = offset
            self._ask(partition, offset)
        return True

    def _key(self, partition: int) -> Key:
        return (self.feed.topic, self.feed.window.tag, partition)

    def _owed(self) -> frozenset[int]:
        if not self._asked:
            return frozenset()
        since = self._clock() - OWED_AFTER_SECONDS
        return frozenset(p for p, question in self._asked.items() if question.since < since)

    def whole_block(self) -> CachedBlock | None:
        """The block that is next, where every reader that comes to its start writes the same of it."""
        if self._asked or not self._entered or self.feed.partitions > 1 or self.selection.bounded:
            return None
        ((partition, offset),) = self._positions.items()
        block = self._blocks.find(self._key(partition), offset)
        return block if block is not None and block.start == offset else None

    def pass_block(self, block: CachedBlock) -> None:
        """A whole block was written."""
        positions = self._positions
        assert isinstance(positions, dict)
        for partition in positions:
            self._passed_block(partition, block, positions)

    def _passed_block(self, partition: int, block: CachedBlock, positions: dict[int, int]) -> None:
        positions[partition] = max(positions[partition], self._block_end(partition, block))
        if positions[partition] < self.feed.window.positions.get(partition, 0):
            self._blocks.passed(self._key(partition), block)

    def _take_blocks(self, behind: Sequence[int], positions: dict[int, int], out: Output) -> None:
        for partition in behind:
            if out.full:
                return
            if partition in self._asked:
                continue
            offset = positions[partition]
            block = self._blocks.find(self._key(partition), offset)
            if block is None:
                self._ask(partition, offset)
                continue
            if self._take_run(block, block.chunk.runs[0], positions, out):
                self._passed_block(partition, block, positions)
        # Fair to each partition: the next turn starts with another.
        for partition in behind[:1]:
            positions[partition] = positions.pop(partition)

    def _block_end(self, partition: int, block: CachedBlock) -> int:
        to = self._end(partition)
        return block.stop if to is None else min(block.stop, max(to, block.start))

    def _end(self, partition: int) -> int | None:
        """The offset at which a partition ends; one that was made after `to` was fixed ends at once."""
        return None if self.selection.to is None else self.selection.to.get(partition, 0)

    def _ended(self, positions: Mapping[int, int]) -> frozenset[int]:
        """The partitions that have come to their `to`, wherever the window begins."""
        to = self.selection.to
        if to is None:
            return frozenset()
        return frozenset(p for p, offset in positions.items() if offset >= to.get(p, 0))

    def _ask(self, partition: int, offset: int) -> None:
        withdraw = self._blocks.request(
            self._key(partition), offset, lambda answer: self._answered(partition, offset, answer)
        )
        self._asked[partition] = _Question(self._clock(), withdraw)

    def _answered(self, partition: int, offset: int, answer: Answer) -> None:
        del self._asked[partition]
        positions = self._positions
        assert isinstance(positions, dict)
        # Otherwise the window has brought it further meanwhile, and the answer is about what it has passed.
        if positions[partition] == offset:
            self._move(partition, offset, answer, positions)
        self._wake()

    def _move(self, partition: int, offset: int, answer: Answer, positions: dict[int, int]) -> None:
        if isinstance(answer, Lost):
            gap = lost_gap(partition, offset, answer.earliest, answer.latest)
            self.gaps.append(gap)
            positions[partition] = answer.earliest if gap.cause == "retention" else answer.latest
        elif answer is not None:
            if answer.cause:
                self.gaps.append(Gap(partition, offset, answer.to, answer.cause))
            positions[partition] = max(offset, answer.to)

    # -- rows

    def _take_run(self, encodings: Encodings, run: Run, positions: dict[int, int], out: Output) -> bool:
        """Add the rows of a run that lie at or past the position, as far as there is room.

        Answers whether those were all: room is a guess, so an output that is not full says nothing.
        """
        offsets = encodings.chunk.offsets
        start = bisect_left(offsets, positions[run.partition], run.start, run.stop)
        end = self._end(run.partition)
        stop = run.stop if end is None else bisect_left(offsets, end, run.start, run.stop)
        if start >= stop:
            return True
        wanted = stop
        if self.selection.match is not None:
            stop = self._take_matching(encodings, run, start, stop, positions, out)
        else:
            stop = self._take_rows(encodings, run.partition, start, stop, positions, out)
        if stop > start:
            positions[run.partition] = offsets[stop - 1] + 1
        return stop == wanted

    def _take_rows(
        self,
        encodings: Encodings,
        partition: int,
        start: int,
        stop: int,
        positions: Mapping[int, int],
        out: Output,
    ) -> int:
        chunk = encodings.chunk
        stop = min(stop, start + out.room(chunk.nbytes / len(chunk)))
        if stop == start:
            return stop
        if self._shares(out):
            encoded = encodings.encoded(out.format, self.feed.window.tag, positions)
            out.add(encoded.rows(start, stop), stop - start)
        else:
            rows = chunk.slice(Run(partition, start, stop))
            out.add(out.format.records(rows, self.feed.window.tag, positions), stop - start)
        return stop

    def _take_matching(
        self,
        encodings: Encodings,
        run: Run,
        start: int,
        stop: int,
        positions: dict[int, int],
        out: Output,
    ) -> int:
        assert self.selection.match is not None
        rows = encodings.rows(self.selection.match)
        for at in range(bisect_left(rows, start), len(rows)):
            row = rows[at]
            if row >= stop:
                break
            if out.full:
                return row
            self._take_rows(encodings, run.partition, row, row + 1, positions, out)
            positions[run.partition] = encodings.chunk.offsets[row] + 1
        return stop

    def _shares(self, out: Output) -> bool:
        """Whether the bytes of rows are the same for every reader that comes by."""
        return not out.format.cursor_in_records or self.feed.partitions == 1

    def _wants(self, partition: int) -> bool:
        return self.selection.partitions is None or partition in self.selection.partitions

    def _name_new_partitions(self, positions: dict[int, int]) -> None:
        """Partitions that were added to the topic later are read from their start."""
        if len(positions) < self.feed.partitions:
            for partition in range(self.feed.partitions):
                if self._wants(partition):
                    positions.setdefault(partition, 0)
