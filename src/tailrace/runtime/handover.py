"""One reader between two threads: who handles records polls it too, and a keeper while that takes long.

The handling thread owns the reader between two records (`own`) and works without it (`work`). Where it works
for long, the keeper borrows the reader: the membership is kept, and partitions can go to others. Whenever
the handling thread finds itself interrupted it comes to `own` after the record in hand: to commit, to give
partitions back, or to stop.
"""

import threading
import time
from collections import deque
from collections.abc import Collection, Set

from tailrace.core.groups import Polled, Positions, Spot


class Handover:
    """Two threads' meeting place; `interrupted` asks the handling one to come to a record's end."""

    def __init__(self) -> None:
        self._changed = threading.Condition()
        self._late: deque[Polled] = deque()
        self._polled_at = time.monotonic()
        self._working = False
        self._lent = False
        self._closed = False
        self._ended = False
        self._lost: set[Spot] = set()
        # Next offsets of what is handled and whose results are stored, of partitions that we still have.
        self._settled: dict[Spot, int] = {}
        self.interrupted = False

    # --- any thread ---

    def interrupt(self) -> None:
        """Have the handling thread come to a record's end soon."""
        with self._changed:
            self.interrupted = True
            self._changed.notify_all()

    def close(self) -> None:
        """Have the handling thread end after the record in hand; what waits stays for others."""
        with self._changed:
            self._closed = self.interrupted = True
            self._late.clear()
            self._changed.notify_all()

    def settled(self) -> Positions:
        """All that is settled of the partitions that we have."""
        with self._changed:
            return dict(self._settled)

    def lose(self, spots: Collection[Spot]) -> Positions:
        """Partitions of which nothing is in hand go to others; answers what is done and not yet committed."""
        with self._changed:
            kept = (batch.rest(0, spots) for batch in self._late)
            self._late = deque(batch for batch in kept if len(batch))
            return {spot: self._settled.pop(spot) for spot in spots if spot in self._settled}

    # --- the handling thread ---

    def own(self) -> tuple[bool, Set[Spot]]:
        """Stand between two records with the reader; answers whether to go on, without which partitions."""
        with self._changed:
            self._rest()
            self._changed.wait_for(lambda: not self._lent)
            lost, self._lost = self._lost, set()
            self.interrupted = self._closed
            return not self._closed, lost

    def polled(self) -> Polled | None:
        """The reader is polled now; answers what it has brought while it was lent."""
        with self._changed:
            self._polled_at = time.monotonic()
            return self._late.popleft() if self._late else None

    def work(self) -> None:
        """Leave the reader, which may be lent."""
        with self._changed:
            self._working = True

    def settle(self, positions: Positions) -> None:
        """These are handled, and what came of them is stored."""
        with self._changed:
            self._settled.update({spot: at for spot, at in positions.items() if spot not in self._lost})

    def wait(self, seconds: float) -> bool:
        """Let the time pass; False if interrupted meanwhile."""
        with self._changed:
            return not self._changed.wait_for(lambda: self.interrupted, seconds)

    def end(self) -> None:
        """Work no more: nobody waits for it."""
        with self._changed:
            self._ended = True
            self._rest()

    def _rest(self) -> None:
        self._working = False
        # A keeper without the reader has nothing to hear, and this comes with every batch.
        if self._lent or self._ended:
            self._changed.notify_all()

    # --- the keeper ---

    def borrow(self, seconds: float) -> bool:
        """Have the reader once it was not polled for so long; False at the end."""
        with self._changed:
            while not self._ended:
                left = self._polled_at + seconds - time.monotonic()
                if self._working and left <= 0:
                    self._lent = True
                    return True
                self._changed.wait(left if left > 0 else seconds)
            return False

    def wanted_back(self, seconds: float) -> bool:
        """Whether the handling thread wants the reader; waits for it."""
        with self._changed:
            return self._changed.wait_for(lambda: not self._working, seconds)

    def give_back(self) -> None:
        """Let the handling thread have the reader."""
        with self._changed:
            self._lent = False
            self._changed.notify_all()

    def keep(self, late: Polled) -> None:
        """What the reader has brought in spite of a pause is handled next."""
        with self._changed:
            if not self._closed:
                self._late.append(late)

    def revoke(self, spots: Collection[Spot], seconds: float) -> Positions:
        """Take partitions back after the record in hand; answers as `lose` does.

        A record that takes longer than the time is handled to its end, but is somebody else's too.
        """
        self.interrupt()
        with self._changed:
            self._changed.wait_for(lambda: not self._working, seconds)
            self._lost.update(spots)
            return self.lose(spots)
