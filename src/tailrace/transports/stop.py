"""How long a stop takes in all, and the signals that ask for one."""

import asyncio
import logging
import os
import signal
import threading
import time
from collections.abc import Callable
from types import FrameType

_log = logging.getLogger("tailrace.server")

SIGNALS = (signal.SIGINT, signal.SIGTERM)
EXIT_LATE = 1
LAST_WORDS_SECONDS = 0.5


class StopDeadline:
    """The one deadline of a stop, counted from its beginning.

    Each step may take half of what is left, so that the last has its time however long the first ones took.
    """

    def __init__(self, seconds: float) -> None:
        self._seconds = seconds
        self._end: float | None = None

    def begin(self, within: float | None = None) -> None:
        """The stop begins; it may be given less time than is set. Only the first call counts."""
        if self._end is None:
            self._end = time.monotonic() + (self._seconds if within is None else min(within, self._seconds))

    def left(self) -> float:
        """Seconds until all is over."""
        return self._seconds if self._end is None else max(0.0, self._end - time.monotonic())

    def share(self) -> float:
        """Seconds that the next step may take."""
        return self.left() / 2


def stop_on_signals(stop: Callable[[], None], deadline: StopDeadline) -> None:
    """Call `stop` on the first signal, on the loop; from then on a second one ends the process at once."""
    loop = asyncio.get_running_loop()

    def first() -> None:
        for number in SIGNALS:
            loop.remove_signal_handler(number)
            # Not on the loop, which a step may hold up, and which ends before the last of them.
            signal.signal(number, _exit_at_once)
        deadline.begin()
        end_process_at(deadline)
        stop()

    for number in SIGNALS:
        loop.add_signal_handler(number, first)


def end_process_at(deadline: StopDeadline) -> None:
    """End the process when the time is over: a thread inside Kafka's client can't be told to stop."""
    timer = threading.Timer(deadline.left(), _exit_late)
    timer.daemon = True
    timer.start()


def _exit_at_once(number: int, frame: FrameType | None) -> None:
    del frame
    os._exit(128 + number)


def _exit_late() -> None:
    words = "The stop took longer than its deadline; what is left of it is cut off."
    saying = threading.Thread(target=_log.error, args=(words,), daemon=True)
    saying.start()
    # A log that nobody reads does not hold up the end.
    saying.join(LAST_WORDS_SECONDS)
    os._exit(EXIT_LATE)
