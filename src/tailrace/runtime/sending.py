"""A producer that is made when something is sent: a handler that only reads has no connection for it."""

import threading
from collections.abc import Callable
from typing import Any

from tailrace.core.groups import Sender

Send = Callable[..., None]


class LateSender:
    """A Sender opened by its first record."""

    def __init__(self, open_: Callable[[], Sender]) -> None:
        self._open = open_
        self._sender: Sender | None = None
        self._lock = threading.Lock()
        # From the first record on the producer's own method, as it is called for every record.
        self.send: Send = self._send_first

    @property
    def sent(self) -> int:
        """How many records were taken."""
        return self._sender.sent if self._sender else 0

    def settle(self, seconds: float) -> bool:
        """Wait until all that was taken is stored; False if the time was too short."""
        return self._sender.settle(seconds) if self._sender else True

    def close(self) -> None:
        """Let go of what is not stored."""
        if self._sender:
            self._sender.close()

    def _send_first(self, topic: str, value: bytes | None, *more: Any, **options: Any) -> None:  # noqa: ANN401  # as Sender.send
        with self._lock:
            self._sender = self._sender or self._open()
            self.send = self._sender.send
        self._sender.send(topic, value, *more, **options)
