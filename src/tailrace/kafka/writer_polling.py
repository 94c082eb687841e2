"""How a producer's delivery reports come to the loop: by a thread at once, or by the loop itself.

A thread hears of a report 0.3 ms after the write, a timer of the loop after 1.2 ms. But under load a thread
competes with the loop for the interpreter: 327,000 records/s beside 648,000/s. So single records have a
thread, streams a timer.
"""

import asyncio
from collections import deque
from collections.abc import Callable
from threading import Thread
from typing import Protocol

from confluent_kafka import KafkaError, KafkaException, Message, Producer

from tailrace.kafka.writer_batch import Batch

Settle = Callable[[Batch, int, KafkaError | None, Message], None]
Report = Callable[[KafkaError | None, Message], None]

# How long the thread may sleep in the client while nothing happens; stopping takes as long.
_THREAD_WAIT_SECONDS = 0.2
_TIMER_SECONDS = 0.001


class Polling(Protocol):
    """Calls `settle` on the loop's thread for each report, `on_broken` there once it can never send again.

    The client raises a fatal error from `poll`, in place of calling its error callback; reports go on after.
    """

    # The client's callback of a record is partial(on_report, batch, index).
    on_report: Settle

    def sent(self) -> None:
        """Something is in flight."""
        ...

    async def stop(self) -> None:
        """No report comes after this."""
        ...


class ThreadPolling:
    """A thread waits for reports; the loop is woken once for all that came meanwhile."""

    def __init__(self, producer: Producer, settle: Settle, on_broken: Callable[[], None]) -> None:
        self._producer = producer
        self._settle = settle
        self.on_report: Settle = self._on_report
        self._loop = asyncio.get_running_loop()
        self._came: deque[tuple[Batch, int, KafkaError | None, Message]] = deque()
        self._woken = False
        self._stopping = False
        self._on_broken = on_broken
        self._thread = Thread(target=self._run, name="tailrace-writer", daemon=True)
        self._thread.start()

    def sent(self) -> None:
        """The thread sees for itself."""

    async def stop(self) -> None:
        """End the thread, then tell what it still heard."""
        self._stopping = True
        await asyncio.to_thread(self._thread.join)
        self._hand_over()

    def _run(self) -> None:
        while not self._stopping:
            try:
                self._producer.poll(_THREAD_WAIT_SECONDS)
            except KafkaException:
                self._loop.call_soon_threadsafe(self._on_broken)

    def _on_report(self, batch: Batch, index: int, error: KafkaError | None, message: Message) -> None:
        # Append before the flag is read, clear it before taking: no report is left without a wake-up.
        self._came.append((batch, index, error, message))
        if not self._woken:
            self._woken = True
            self._loop.call_soon_threadsafe(self._hand_over)

    def _hand_over(self) -> None:
        self._woken = False
        settle, came = self._settle, self._came
        while came:
            settle(*came.popleft())


class TimerPolling:
    """The loop polls every millisecond while something is in flight, and among the sending itself."""

    def __init__(self, producer: Producer, settle: Settle, on_broken: Callable[[], None]) -> None:
        self._producer = producer
        self.on_report = settle
        self._on_broken = on_broken
        self._loop = asyncio.get_running_loop()
        self._timer: asyncio.TimerHandle | None = None

    def sent(self) -> None:
        """Serve what has come, and come back for the rest."""
        try:
            self._producer.poll(0)
        except KafkaException:
            self._loop.call_soon(self._on_broken)
        if self._timer is None and len(self._producer):
            self._timer = self._loop.call_later(_TIMER_SECONDS, self._tick)

    async def stop(self) -> None:
        """Leave the timer."""
        if self._timer is not None:
            self._timer.cancel()

    def _tick(self) -> None:
        self._timer = None
        self.sent()
