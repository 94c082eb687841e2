"""On the way to producers: one that is made by its first record, and what waits for one on the event loop."""

import asyncio
import threading
from collections.abc import Callable
from typing import Any, Protocol

from tailrace.core.errors import TailraceError
from tailrace.core.groups import Sender

Send = Callable[..., None]


class Outlet(Protocol):
    """What takes records as Sender does, and has nothing else of it."""

    @property
    def send(self) -> Send:
        """Take a record."""
        ...


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

    @property
    def waiting(self) -> int:
        """How many of them are neither stored nor refused."""
        return self._sender.waiting if self._sender else 0

    def settle(self, seconds: float) -> bool:
        """Wait until all that was taken is stored; False if the time was too short."""
        return self._sender.settle(seconds) if self._sender else True

    def forgive(self) -> None:
        """Go on after a refusal that nothing depends on."""
        if self._sender:
            self._sender.forgive()

    def close(self) -> None:
        """Let go of what is not stored."""
        if self._sender:
            self._sender.close()

    def _send_first(self, topic: str, value: bytes | None, *more: Any, **options: Any) -> None:  # noqa: ANN401  # as Sender.send
        with self._lock:
            self._sender = self._sender or self._open()
            self.send = self._sender.send
        self._sender.send(topic, value, *more, **options)


def not_stored(waiting: int) -> TailraceError:
    """That so many records were left at the end."""
    records = "1 record" if waiting == 1 else f"{waiting:,} records"
    return TailraceError(f"Not stored in time: {records}.", hint="Check the brokers.")


class Pending:
    """An outlet for the event loop: keeps what a handler sends until it can be taken without blocking."""

    def __init__(self, outlet: Outlet) -> None:
        self._outlet = outlet
        self._records: list[tuple[Any, ...]] = []

    def send(self, *record: Any) -> None:  # noqa: ANN401  # as Sender.send
        """Keep a record; one call's results have a bound of their own."""
        self._records.append(record)

    async def drain(self) -> None:
        """Hand over what is kept; a full producer is waited for in a thread."""
        records, self._records = self._records, []
        for record in records:
            try:
                self._outlet.send(*record, wait=False)
            except BufferError:
                await asyncio.to_thread(self._outlet.send, *record)
