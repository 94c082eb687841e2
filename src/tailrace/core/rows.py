"""Rows of a chunk that one reader still wants, added to its output as far as there is room."""

from bisect import bisect_left
from collections.abc import Mapping
from typing import NamedTuple

from tailrace.core.feed import Feed
from tailrace.core.output import Output
from tailrace.core.records import Run
from tailrace.core.routes import Match
from tailrace.core.selection import Selection
from tailrace.core.window import Encodings


class Taker(NamedTuple):
    """Takes rows for one reader of a topic.

    Args:
        feed: the topic.
        selection: which records are wanted.
    """

    feed: Feed
    selection: Selection

    def take(self, encodings: Encodings, run: Run, positions: dict[int, int], out: Output) -> bool:
        """Add the rows of a run that lie at or past the position, and move it.

        Answers whether those were all: room is a guess, so an output that is not full says nothing.
        """
        selection = self.selection
        offsets = encodings.chunk.offsets
        start = bisect_left(offsets, positions[run.partition], run.start, run.stop)
        end = selection.end(run.partition)
        stop = run.stop if end is None else bisect_left(offsets, end, run.start, run.stop)
        taken = start
        if start < stop:
            taken = self._take_wanted(encodings, Run(run.partition, start, stop), positions, out)
        if taken > start:
            positions[run.partition] = offsets[taken - 1] + 1
        if taken < stop:
            return False
        if end is not None and stop < run.stop:
            # The records just before `end` may have been aborted: the first one behind it stands for it.
            positions[run.partition] = max(positions[run.partition], end)
        return True

    def _take_wanted(self, encodings: Encodings, run: Run, positions: dict[int, int], out: Output) -> int:
        match = self.selection.match
        if match is None:
            return self._take_rows(encodings, run.partition, run.start, run.stop, positions, out)
        return self._take_matching(encodings, run, match, positions, out)

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
        tag = self.feed.window.tag
        if self._shares(out):
            out.add(encodings.encoded(out.format, tag, positions).rows(start, stop), stop - start)
        else:
            rows = chunk.slice(Run(partition, start, stop))
            out.add(out.format.records(rows, tag, positions), stop - start)
        return stop

    def _take_matching(
        self, encodings: Encodings, run: Run, match: Match, positions: dict[int, int], out: Output
    ) -> int:
        rows = encodings.rows(match)
        for at in range(bisect_left(rows, run.start), len(rows)):
            row = rows[at]
            if row >= run.stop:
                break
            if out.full:
                return row
            self._take_rows(encodings, run.partition, row, row + 1, positions, out)
            positions[run.partition] = encodings.chunk.offsets[row] + 1
        return run.stop

    def _shares(self, out: Output) -> bool:
        """Whether the bytes of rows are the same for every reader that comes by."""
        return not out.format.cursor_in_records or self.feed.partitions == 1
