"""A progress bar with rate and time left, on standard error."""

import sys
import time
from collections.abc import Callable
from typing import TextIO

# Quicker work needs no bar.
SHOWN_AFTER_SECONDS = 2.0
REDRAWN_EVERY_SECONDS = 0.2
_BAR = 24


class ProgressBar:
    """Draws how far something is; nothing where nobody would see it.

    Args:
        stream: where to draw.
        enabled: None decides by whether the stream is a terminal and the output is not: on one screen
            the bar would stand between the records.
    """

    def __init__(
        self,
        stream: TextIO | None = None,
        *,
        enabled: bool | None = None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._stream = stream or sys.stderr
        self._enabled = self._stream.isatty() and not sys.stdout.isatty() if enabled is None else enabled
        self._clock = clock
        self._started = clock()
        self._next = self._started + SHOWN_AFTER_SECONDS
        self._drawn = False

    @property
    def due(self) -> bool:
        """Whether an update would be drawn."""
        return self._enabled and self._clock() >= self._next

    def update(self, done: int, total: int | None) -> None:
        """So much of so much is done; the total may be unknown."""
        if self.due:
            now = self._clock()
            self._next = now + REDRAWN_EVERY_SECONDS
            self._drawn = True
            self._stream.write(f"\r\x1b[K{progress_line(done, total, now - self._started)}")
            self._stream.flush()

    def finish(self) -> None:
        """Take the bar away."""
        if self._drawn:
            self._stream.write("\r\x1b[K")
            self._stream.flush()
        self._drawn = False


def progress_line(done: int, total: int | None, seconds: float) -> str:
    """One line: how much, how fast, how long still."""
    rate = done / seconds if seconds > 0 else 0.0
    if not total:
        return f"{done:,} records  {rate:,.0f}/s"
    part = min(1.0, done / total)
    bar = "█" * int(part * _BAR)
    left = _duration((total - done) / rate) if rate else "?"
    return f"{bar:░<{_BAR}} {part:4.0%}  {done:,} of {total:,}  {rate:,.0f}/s  {left} left"


def _duration(seconds: float) -> str:
    whole = max(0, round(seconds))
    if whole < 60:
        return f"{whole} s"
    if whole < 3600:
        return f"{whole // 60} min {whole % 60:02} s"
    return f"{whole // 3600} h {whole % 3600 // 60:02} min"
