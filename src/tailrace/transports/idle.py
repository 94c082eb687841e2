"""Which connection makes room for a newcomer: of those that are kept alive, the one that is idle longest.

Looked for when there is no room, not kept in order: every request would pay for that.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Iterable
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from tailrace.transports.connection import Connection

# A look at all connections takes milliseconds; a crowd of newcomers gets one in so long.
LOOK_SECONDS = 1.0


class IdleConnections:
    """Those that were found at the last look and have not been taken, longest first."""

    def __init__(self) -> None:
        self._found: deque[tuple[asyncio.TimerHandle, Connection]] = deque()
        self._next_look = 0.0

    def take(self, connections: Iterable[object], now: float) -> Connection | None:
        """The one that is idle longest; None where none is known."""
        if not self._found and now >= self._next_look:
            self._next_look = now + LOOK_SECONDS
            self._look(connections)
        while self._found:
            timer, connection = self._found.popleft()
            if connection.timeout_keep_alive_task is timer:
                return connection
        return None

    def _look(self, connections: Iterable[object]) -> None:
        timers = [(getattr(one, "timeout_keep_alive_task", None), one) for one in connections]
        idle = [(timer, one) for timer, one in timers if timer is not None]
        self._found.extend(sorted(idle, key=lambda found: found[0].when()))  # type: ignore[arg-type]  # only ours have that timer
