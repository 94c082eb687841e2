"""What becomes of records that a handler fails on: tried again, then skipped, or the worker stops."""

import logging
import time
from collections.abc import Callable

from tailrace.core.errors import TailraceError
from tailrace.core.groups import Polled
from tailrace.runtime.declarations import Handler
from tailrace.runtime.streams import closed_stream

_log = logging.getLogger("tailrace.runtime")

FIRST_PAUSE_SECONDS = 0.1
LONGEST_PAUSE_SECONDS = 10.0

Place = tuple[str, int, int]


class Failures:
    """Counts the tries of the record that fails, and says what is done about it."""

    def __init__(self, handler: Handler, unreadable: Callable[[Polled, int], TailraceError | None]) -> None:
        self._name = handler.name
        self._retries = handler.retries
        self._stop = handler.on_error == "stop"
        self._unreadable = unreadable
        # Kept beyond an interruption, so that a record is not tried for ever.
        self._failing: Place | None = None
        self._tries = 0
        self._resume_at = 0.0
        self.last: str | None = None

    def skip(self, error: BaseException, batch: Polled, row: int, upto: int, *, final: bool = False) -> bool:
        """Whether the rows are left out; else they are to be tried again after a pause.

        An error that is `final`, or ends the process anyhow, is no fault of the rows: the worker stops.

        Raises:
            TailraceError: they can be handled neither now nor later, and may not be skipped.
        """
        first = batch.record(row)
        place = (first.topic, first.partition, first.offset)
        self._tries = self._tries + 1 if place == self._failing else 1
        self._failing = place
        unreadable = self._unreadable(batch, row)
        what = f"{self._name} failed on {_named(batch, row, upto)}"
        stream = closed_stream(error)
        why = f"nobody reads its {stream} any more" if stream else reason(unreadable or error)
        ends = final or stream is not None or isinstance(error, SystemExit)
        self.last = f"{what}: {why}"
        if not ends and unreadable is None and self._tries <= self._retries:
            self._resume_at = time.monotonic() + self._pause()
            _log.warning("%s: %s. Try %d of %d follows.", what, why, self._tries + 1, self._retries + 1)
            return False
        # What a handler raised is shown with its trace, what a value is like needs none.
        trace = None if unreadable or stream or isinstance(error, TailraceError) else error
        stops = ends or self._stop
        then = "The worker stops." if stops else "Skipped."
        _log.error("%s: %s. %s", what, why.removesuffix("."), then, exc_info=trace)
        if stops:
            other = "" if ends else '; on_error="skip" goes on'
            raise TailraceError(f"{what}.", cause=why, hint=f"It comes again at the next start{other}.")
        self._failing = None
        return True

    def left(self) -> float:
        """Seconds until the next try; it holds over interruptions."""
        return self._resume_at - time.monotonic() if self._failing else 0.0

    def _pause(self) -> float:
        return min(LONGEST_PAUSE_SECONDS, FIRST_PAUSE_SECONDS * 2.0 ** min(self._tries - 1, 30))


def _named(batch: Polled, row: int, upto: int) -> str:
    first = batch.record(row)
    where = f"topic {first.topic}, partition {first.partition}, offset {first.offset}"
    if upto == row + 1:
        return f"the record at {where}"
    last = batch.record(upto - 1)
    there = f"partition {last.partition}, offset {last.offset}"
    return f"{upto - row} records from {where} to {there}"


def reason(error: BaseException) -> str:
    """An error in words, whatever it is."""
    if isinstance(error, TailraceError):
        return str(error)
    try:
        text = str(error)
    except Exception:  # noqa: BLE001  # a class of the program's own, which may do anything
        text = ""
    return f"{type(error).__name__}: {text}" if text else type(error).__name__
