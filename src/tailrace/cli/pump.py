"""Moves what a scan brings to standard output, keeps the cursor and draws progress."""

import sys
import time

from tailrace.cli.cursor_file import CursorFile
from tailrace.cli.forms import Form
from tailrace.cli.interrupt import Interrupt
from tailrace.cli.output import note
from tailrace.cli.progress import ProgressBar
from tailrace.core.scans import Missing, Scan, Waiting

SAVED_EVERY_SECONDS = 1.0


class Pump:
    """One command's way from a scan to its output.

    The cursor is saved behind what was written, never ahead of it.
    """

    def __init__(self, form: Form, cursor_file: CursorFile | None = None) -> None:
        self._form = form
        self._cursor_file = cursor_file
        self._progress = ProgressBar()
        self._saved_at = time.monotonic()
        self._waiting = ""

    def run(self, scan: Scan, *, endless: bool = False) -> int:
        """Write everything; answers the exit code."""
        with Interrupt() as interrupt:
            try:
                self._write(self._form.begin())
                for event in scan.events():
                    if isinstance(event, Missing):
                        note(_missing(event))
                    elif isinstance(event, Waiting):
                        self._say_waiting(event)
                    elif event is not None:
                        self._waiting = ""
                        self._write(self._form.rows(event))
                    self._after(scan)
                    if interrupt.seen:
                        break
                self._write(self._form.end())
            finally:
                self._progress.finish()
            self._finish(scan)
            return interrupt.exit_code(endless=endless)

    def _write(self, data: bytes) -> None:
        if data:
            sys.stdout.buffer.write(data)
            sys.stdout.buffer.flush()

    def _after(self, scan: Scan) -> None:
        if self._progress.due:
            progress = scan.progress()
            self._progress.update(progress.done, progress.total)
        if not self._cursor_file:
            return
        now = time.monotonic()
        if now - self._saved_at >= SAVED_EVERY_SECONDS:
            self._cursor_file.save(scan.cursor())
            self._saved_at = now

    def _say_waiting(self, event: Waiting) -> None:
        if event.reason != self._waiting:
            self._progress.finish()
            note(f"waiting: {event.reason}")
        self._waiting = event.reason

    def _finish(self, scan: Scan) -> None:
        if self._cursor_file:
            shown = self._cursor_file.finish(scan.cursor())
            if shown is not None:
                note(shown)


def _missing(event: Missing) -> str:
    upto = "on" if event.stop is None else f"to {event.stop - 1}"
    return (
        f"gap: {event.topic} partition {event.partition}, offsets {event.start} {upto} "
        f"are not there ({event.cause})"
    )
