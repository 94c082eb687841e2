"""The metrics' text, made at most once a second: it takes 4 ms of the loop, and anybody may ask for it."""

from collections.abc import Callable
from time import monotonic

from tailrace.telemetry.metrics import Metrics

KEPT_SECONDS = 1.0


class Exposition:
    """Makes the text when it is asked for, and keeps it for a moment."""

    def __init__(self, metrics: Metrics, clock: Callable[[], float] = monotonic) -> None:
        self._metrics = metrics
        self._clock = clock
        self._text = b""
        self._made_at: float | None = None

    def text(self) -> bytes:
        """The figures of the last second."""
        now = self._clock()
        if self._made_at is None or now - self._made_at >= KEPT_SECONDS:
            self._text = self._metrics.exposition()
            self._made_at = now
        return self._text
