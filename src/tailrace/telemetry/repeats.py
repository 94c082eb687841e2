"""Log lines that come again and again: the first of a kind is said, then one a minute."""

import logging
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

SAY_AGAIN_AFTER: Final = 60.0
"""Seconds for which lines of a kind that was said are only counted."""
MOST_KINDS: Final = 256
"""Kinds remembered; the one not said for longest is forgotten, which costs one line too many."""


@dataclass(slots=True)
class _Said:
    at: float
    left_out: int = 0


class Repeats(logging.Filter):
    """Lets a line of a kind through once, then at most once a minute, with how many were left out.

    Args:
        kind: what makes two lines the same; None for a line that is always said.
        clock: seconds that never go back.
    """

    def __init__(
        self, kind: Callable[[logging.LogRecord], str | None], clock: Callable[[], float] = time.monotonic
    ) -> None:
        super().__init__()
        self._kind = kind
        self._clock = clock
        self._said: dict[str, _Said] = {}
        # Lines come from the threads of all clients.
        self._lock = threading.Lock()

    def filter(self, record: logging.LogRecord) -> bool:
        """Whether to say it."""
        kind = self._kind(record)
        if kind is None:
            return True
        with self._lock:
            left_out = self._left_out(kind, self._clock())
        if left_out:
            record.fields = {**getattr(record, "fields", {}), "left_out": left_out}
        return left_out is not None

    def _left_out(self, kind: str, now: float) -> int | None:
        """How many of the kind were left out since it was said; None if this one is too."""
        said = self._said.get(kind)
        if said is not None and now - said.at < SAY_AGAIN_AFTER:
            said.left_out += 1
            return None
        self._said.pop(kind, None)
        if len(self._said) >= MOST_KINDS:
            del self._said[next(iter(self._said))]
        self._said[kind] = _Said(now)
        return said.left_out if said else 0
