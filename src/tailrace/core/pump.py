"""Whose turn it is: live readers first, those that catch up in small slices, and the loop between."""

import logging
from collections import deque
from collections.abc import Callable
from typing import Protocol

_log = logging.getLogger("tailrace.pump")

# After this long the loop sees to its sockets again, so that new records are not late for all the others.
LIVE_SLICE_SECONDS = 0.005
# While somebody lives at the tip, catching up takes the loop for no longer than this at a time.
CATCH_UP_SLICE_SECONDS = 0.004


class Reader(Protocol):
    """Somebody who takes turns."""

    queued: bool

    @property
    def live(self) -> bool:
        """Whether it has been at the tip and fell back no further than the window."""
        ...

    def turn(self) -> bool:
        """Do a bounded piece of work; answers whether there is more to do at once."""
        ...

    def break_off(self) -> None:
        """Its turn has failed: end it so that its client notices."""
        ...


class Pump:
    """Gives readers their turns, on the loop, within slices of time.

    Args:
        call_soon: runs a function in the loop's next round.
        clock: seconds, monotonic.
    """

    def __init__(self, call_soon: Callable[[Callable[[], None]], object], clock: Callable[[], float]) -> None:
        self._call_soon = call_soon
        self._clock = clock
        self._live: deque[Reader] = deque()
        self._behind: deque[Reader] = deque()
        self._scheduled = False

    def wake(self, reader: Reader) -> None:
        """The reader has something to do."""
        if reader.queued:
            return
        reader.queued = True
        (self._live if reader.live else self._behind).append(reader)
        if not self._scheduled:
            self._scheduled = True
            self._call_soon(self._run)

    def _run(self) -> None:
        self._scheduled = False
        self._serve(self._live, LIVE_SLICE_SECONDS)
        self._serve(self._behind, CATCH_UP_SLICE_SECONDS)
        if (self._live or self._behind) and not self._scheduled:
            self._scheduled = True
            self._call_soon(self._run)

    def _serve(self, queue: deque[Reader], seconds: float) -> None:
        clock = self._clock
        end = clock() + seconds
        while queue:
            reader = queue.popleft()
            reader.queued = False
            if _turn(reader) and not reader.queued:
                reader.queued = True
                (self._live if reader.live else self._behind).append(reader)
            if clock() >= end:
                return


def _turn(reader: Reader) -> bool:
    try:
        return reader.turn()
    except Exception:  # noqa: BLE001 - one reader's fault must not take the others' turns away
        _log.exception("A reader's turn failed; its stream is broken off.")
        reader.break_off()
        return False
