"""Batches on their way from the thread that reads to the one that handles them.

The reading thread puts batches in, and takes partitions back when the group gives them to others. The
handling thread takes batches, and comes to `boundary` after the record in hand whenever it finds itself
interrupted: to commit, to give partitions back, or to stop.
"""

import threading
from collections import deque
from collections.abc import Callable, Collection, Set

from tailrace.core.groups import Polled, Positions, Spot

# Beside the batch in hand. One keeps the handler busy while the next is read, two bridge a turn of the other
# thread; more is memory, and records that others could have had.
WAITING_BATCHES = 2


class Handover:
    """Two threads' meeting place; `interrupted` asks the handling one to come to a record's end."""

    def __init__(self) -> None:
        self._changed = threading.Condition()
        self._waiting: deque[Polled] = deque()
        self._at_boundary = False
        self._held = False
        self._closed = False
        self._commit_asked = False
        self._lost: set[Spot] = set()
        # Next offsets of what is handled and whose results are stored, of partitions that we still have.
        self._settled: dict[Spot, int] = {}
        self.interrupted = False

    # --- the reading thread ---

    def put(self, batch: Polled) -> None:
        """Add a batch, in order."""
        with self._changed:
            self._waiting.append(batch)
            self._changed.notify_all()

    def room(self, seconds: float = 0) -> bool:
        """Whether a batch may be put; waits for it, but not while a commit is asked for."""
        with self._changed:
            self._changed.wait_for(lambda: self._has_room() or self._commit_asked, seconds)
            return self._has_room()

    def interrupt(self) -> None:
        """Have the handling thread come to a record's end soon."""
        with self._changed:
            self.interrupted = True
            self._changed.notify_all()

    def revoke(self, spots: Collection[Spot], seconds: float) -> Positions:
        """Take partitions back after the record in hand; answers what of them is done and not yet committed.

        A record that takes longer than the time is handled to its end, but is somebody else's too.
        """
        with self._changed:
            self._held = self.interrupted = True
            self._changed.notify_all()
            self._changed.wait_for(lambda: self._at_boundary, seconds)
            self._lost.update(spots)
            kept = (batch.rest(0, spots) for batch in self._waiting)
            self._waiting = deque(batch for batch in kept if len(batch))
            done = {spot: self._settled.pop(spot) for spot in spots if spot in self._settled}
            self._held = False
            # One that is still busy must come by, to hear what it has lost.
            self.interrupted = self._closed or not self._at_boundary
            self._changed.notify_all()
            return done

    def close(self) -> None:
        """Have the handling thread end after the record in hand; what waits stays for others."""
        with self._changed:
            self._closed = self.interrupted = True
            self._waiting.clear()
            self._changed.notify_all()

    def commit_asked(self) -> bool:
        """Whether the handling thread waits for a commit."""
        return self._commit_asked

    def commit_done(self) -> None:
        """It was tried: the handling thread goes on."""
        with self._changed:
            self._commit_asked = False
            self._changed.notify_all()

    # --- the handling thread ---

    def idle(self) -> bool:
        """Whether no batch waits."""
        return not self._waiting

    def take(self) -> tuple[Polled | None, Set[Spot]]:
        """The next batch, waited for, or None at the end; and what was taken back meanwhile."""
        with self._changed:
            self._rest(lambda: self._closed or bool(self._waiting))
            lost, self._lost = self._lost, set()
            if self._closed:
                return None, lost
            batch = self._waiting.popleft()
            self._changed.notify_all()
            return batch, lost

    def boundary(self) -> tuple[bool, Set[Spot]]:
        """Stand between two records; answers whether to go on, and without which partitions."""
        with self._changed:
            self._rest(lambda: True)
            lost, self._lost = self._lost, set()
            self.interrupted = self._closed
            return not self._closed, lost

    def ask_commit(self, seconds: float) -> bool:
        """Have what is settled committed by the reading thread; False if it took too long."""
        with self._changed:
            self._commit_asked = True
            return self._rest(lambda: not self._commit_asked, seconds)

    def wait(self, seconds: float) -> bool:
        """Let the time pass; False if interrupted meanwhile."""
        with self._changed:
            return not self._changed.wait_for(lambda: self.interrupted, seconds)

    def end(self) -> None:
        """The handling thread ends: nobody waits for it any more."""
        with self._changed:
            self._at_boundary = True
            self._changed.notify_all()

    def settle(self, positions: Positions) -> None:
        """These are handled, and what came of them is stored."""
        with self._changed:
            self._settled.update({spot: at for spot, at in positions.items() if spot not in self._lost})

    def settled(self) -> Positions:
        """All that is settled of the partitions that we have."""
        with self._changed:
            return dict(self._settled)

    def _has_room(self) -> bool:
        return len(self._waiting) < WAITING_BATCHES

    def _rest(self, until: Callable[[], bool], seconds: float | None = None) -> bool:
        """Stand at a boundary until the condition holds and no partition is being taken back."""
        self._at_boundary = True
        self._changed.notify_all()
        held = self._changed.wait_for(lambda: not self._held and until(), seconds)
        self._at_boundary = False
        return held
