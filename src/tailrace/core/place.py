"""A reader's place in one topic: behind the window, joining it, or a plain index in it.

Every process orders a topic in its own way, so a cursor hardly ever lies on another's chunk border.
A reader that comes from elsewhere keeps one position per partition. Behind the window it reads blocks
of each partition. Then it goes along the window and takes from each chunk only what lies at or past its
positions. Once it has passed them all it is a plain index, which costs nothing per partition.
What it does behind the window is in `past`, which rows it takes in `rows`.
"""

from collections.abc import Callable, Mapping, Sequence

from tailrace.core.blocks import BlockCache
from tailrace.core.cursors import format_whole
from tailrace.core.feed import Feed
from tailrace.core.gaps import Gap, place_before, recreated_gaps
from tailrace.core.output import Output
from tailrace.core.partition_blocks import CachedBlock
from tailrace.core.past import Past
from tailrace.core.rows import Taker
from tailrace.core.selection import Selection
from tailrace.core.window import CursorForm


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
        # Its topic went before `to` was reached: what would come under its name now is another's.
        self._cut = False
        self._blocks = blocks
        # Its own while it joins; shared with the window's entries, so never changed, once it is plain.
        self._positions: dict[int, int] | Mapping[int, int] = dict(positions)
        self._seq: int | None = None
        self._rows = Taker(feed, selection)
        past = self._past = Past(feed, blocks, selection, self.gaps, wake, clock)
        # Looked at in every turn: not by way of the past.
        self._asked, self._entered, self._key = past.asked, past.entered, past.key
        self._settle()

    # -- where it stands

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
        owed = self._asked.owed()
        there = window.positions
        return all(self._positions[p] >= there.get(p, 0) for p in self._positions if p not in owed)

    @property
    def finished(self) -> bool:
        """Whether `to` is reached in every partition, or can't be any more."""
        return self._cut or self.selection.finished(self._positions)

    @property
    def positions(self) -> Mapping[int, int]:
        """The next offset of each partition."""
        return self._positions

    def cursor_text(self, form: CursorForm = format_whole) -> str:
        """Its cursor, or the topic's part of one: who comes back with it is told of the gaps not told yet."""
        window = self.feed.window
        if self.gaps:
            return form(self.feed.topic, *place_before(self.gaps, window.tag, self._positions))
        if self._seq is not None and self._seq >= window.base:
            return window.cursor_text(self.feed.topic, self._seq, form)
        return form(self.feed.topic, window.tag, self._positions)

    # -- how it moves

    def go_to(self, seq: int) -> None:
        """A plain place goes on to another entry of the window."""
        self._seq = seq
        self._positions = self.feed.window.positions_at(seq)

    def look_again(self) -> bool:
        """Whether a turn may bring it further though no record came.

        A partition that can't be read may hold it up no more, and aborted records may have come before `to`.
        """
        return bool(self._asked.owed()) or self._past.forget_probes()

    def pass_over(self, seq: int) -> None:
        """Nothing before the entry `seq` matches its filter: it need not be looked at."""
        if self._seq is not None:
            self.go_to(seq)
            return
        positions = self._positions
        assert isinstance(positions, dict)
        if self._cut or self._asked or self._past.behind(positions):
            return
        for partition, offset in self.feed.window.positions_at(seq).items():
            if partition in positions:
                end = self.selection.end(partition)
                there = offset if end is None else min(offset, end)
                positions[partition] = max(positions[partition], there)

    def leave_window(self) -> None:
        """Keep positions of its own: its entries are gone, or the window starts anew."""
        if self._seq is not None:
            self._positions = dict(self._positions)
            self._seq = None

    def restart(self, positions: Mapping[int, int], gaps: Sequence[Gap]) -> None:
        """Go on at other positions, and tell why; nothing that was asked before counts any more."""
        self._past.forget()
        self._seq = None
        self._positions = {p: offset for p, offset in positions.items() if self.selection.wants(p)}
        self.gaps += [gap for gap in gaps if self.selection.wants(gap.partition)]

    def recreated(self, old_tag: str | None) -> None:
        """Its topic was made again: everything from its start, after a gap."""
        gaps = recreated_gaps(self._positions, old_tag)
        self.restart(dict.fromkeys(range(self.feed.partitions), 0), gaps)
        self._cut = self.selection.to is not None

    def deleted(self) -> None:
        """Its topic is gone."""
        self.gaps += [Gap(p, offset, None, "deleted") for p, offset in sorted(self._positions.items())]
        self._cut = self.selection.to is not None

    def take(self, out: Output) -> bool:
        """Add what is next to the output, as much as it has room for.

        Answers whether it moved, which it does over records that are not wanted too.
        """
        self.tell_gaps(out)
        if self._cut:
            return False
        if self._seq is not None and not self.in_window:
            self.leave_window()
        if self._seq is not None:
            return self._take_plain(self._seq, out)
        positions = self._positions
        assert isinstance(positions, dict)
        before = positions.copy()
        self._take_own(positions, out)
        return self._seq is not None or positions != before

    def _take_own(self, positions: dict[int, int], out: Output) -> None:
        self._name_new_partitions(positions)
        past = self._past
        behind = past.behind(positions)
        if behind:
            past.enter_only(behind)
            past.take(behind, positions, out)
            behind = past.behind(positions)
        if not behind:
            past.enter_only(())
            self._join(positions, out)

    def tell_gaps(self, out: Output) -> None:
        """Add the gaps that its client does not know of yet."""
        while self.gaps:
            # Told from here on, as far as the cursor in its event goes.
            gap = self.gaps.pop(0)
            out.event("gap", gap.event(self.feed.topic))

    # -- along the window

    def _take_plain(self, seq: int, out: Output) -> bool:
        window = self.feed.window
        start = seq
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
        return seq > start

    def _join(self, positions: dict[int, int], out: Output) -> None:
        window = self.feed.window
        owed = self._asked.owed()
        seq = window.locate(positions, owed | self.selection.ended(positions))
        if seq is None:
            return
        # Past what it has had of some partitions it goes on as a plain place, which takes all there is.
        stop = window.tip if self._never_plain else window.passed(positions)
        while seq < stop:
            entry = window.entry(seq)
            for run in entry.chunk.runs:
                wanted = run.partition in positions and run.partition not in owed
                if wanted and not self._rows.take(entry, run, positions, out):
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
            self._past.passed(partition, block, positions)

    def _name_new_partitions(self, positions: dict[int, int]) -> None:
        """Partitions that were added to the topic later are read from their start."""
        if len(positions) < self.feed.partitions:
            for partition in range(self.feed.partitions):
                if self.selection.wants(partition):
                    positions.setdefault(partition, 0)
