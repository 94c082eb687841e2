"""A producer that is made when something is sent: a handler that only reads has no connection for it."""

import threading
from collections.abc import Callable

from tailrace.core.groups import Sender
from tailrace.core.records import Headers


class LateSender:
    """A Sender opened by its first record."""

    def __init__(self, open_: Callable[[], Sender]) -> None:
        self._open = open_
        self._sender: Sender | None = None
        self._lock = threading.Lock()

    @property
    def sent(self) -> int:
        """How many records were taken."""
        return self._sender.sent if self._sender else 0

    def send(
        self,
        topic: str,
        value: bytes | None,
        key: bytes | None = None,
        partition: int | None = None,
        timestamp: int | None = None,
        headers: Headers = (),
    ) -> None:
        """Take a record, waiting for room."""
        sender = self._sender or self._opened()
        sender.send(topic, value, key, partition, timestamp, headers)

    def settle(self, seconds: float) -> bool:
        """Wait until all that was taken is stored; False if the time was too short."""
        return self._sender.settle(seconds) if self._sender else True

    def close(self) -> None:
        """Let go of what is not stored."""
        if self._sender:
            self._sender.close()

    def _opened(self) -> Sender:
        with self._lock:
            self._sender = self._sender or self._open()
            return self._sender
