"""Timers: functions called by the clock, each at its own pace."""

import asyncio
import logging
import time
from collections.abc import Callable

from tailrace.core.errors import TailraceError
from tailrace.core.groups import Sender
from tailrace.runtime.app import RUNNING, Running
from tailrace.runtime.calling import collected, in_thread
from tailrace.runtime.declarations import Timer, is_async
from tailrace.runtime.failures import reason
from tailrace.runtime.results import Output
from tailrace.runtime.streams import closed_stream

_log = logging.getLogger("tailrace.runtime")

# For what a call has sent to be stored; what takes longer is looked at after the next call.
SETTLE_SECONDS = 5.0


class Ticking:
    """Calls one timer until it is stopped or, where so declared, fails."""

    def __init__(
        self,
        timer: Timer,
        output: Output,
        sender: Sender,
        running: Running,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._timer = timer
        self._output = output
        self._sender = sender
        self._running = running
        self._clock = clock
        self._function = collected(timer.function)
        self.last_error: str | None = None

    async def run(self, stop: asyncio.Event) -> None:
        """Call it now and at each of its times until stopped. Raises TailraceError where it may not go on."""
        due = self._clock()
        while not stop.is_set():
            await self._guarded()
            due = next_time(due, self._timer.seconds, self._clock())
            try:
                async with asyncio.timeout(due - self._clock()):
                    await stop.wait()
            except TimeoutError:
                continue

    async def call(self) -> None:
        """Call it once and send what it returns."""
        RUNNING.set(self._running)
        if is_async(self._timer.function):
            # It waits while the client's queue is full, so not on the loop.
            await in_thread(self._send, await self._function())
        else:
            await in_thread(lambda: self._send(self._function()))

    def _send(self, result: object) -> None:
        self._output.emit(result)
        try:
            self._sender.settle(SETTLE_SECONDS)
        except TailraceError:
            # It is said now, and nothing of the next call depends on it.
            self._sender.forgive()
            raise

    async def _guarded(self) -> None:
        try:
            await self.call()
        except (Exception, SystemExit, asyncio.CancelledError) as error:  # whatever a function raises
            if isinstance(error, asyncio.CancelledError) and _cancelled():
                raise
            stream = closed_stream(error)
            why = f"nobody reads its {stream} any more" if stream else reason(error)
            stops = self._timer.on_error == "stop" or stream is not None or isinstance(error, SystemExit)
            self.last_error = f"{self._timer.name} failed: {why}"
            then = "The worker stops." if stops else "It is called again at its next time."
            # What a function raised is shown with its trace, what we say ourselves needs none.
            trace = None if isinstance(error, TailraceError) else error
            _log.error("%s %s", _sentence(self.last_error), then, exc_info=trace)
            if stops:
                raise TailraceError(f"The timer {self._timer.name} failed.", cause=why) from error


def _cancelled() -> bool:
    """Whether we are to end, rather than that a function waits for something that was cancelled."""
    task = asyncio.current_task()
    return task is not None and task.cancelling() > 0


def _sentence(text: str) -> str:
    return text if text.endswith(".") else f"{text}."


def next_time(due: float, every: float, now: float) -> float:
    """The next time of the schedule that is not over yet: what was missed is left out."""
    return due + every * max(1, int((now - due) // every) + 1)
