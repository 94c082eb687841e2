"""Timers: functions called by the clock, each at its own pace."""

import asyncio
import logging
import time
from collections.abc import Callable

from tailrace.core.errors import TailraceError
from tailrace.runtime.calling import collected
from tailrace.runtime.declarations import Timer, is_async
from tailrace.runtime.results import Output

_log = logging.getLogger("tailrace.runtime")

# For what a call has sent to be stored; what takes longer is looked at after the next call.
SETTLE_SECONDS = 5.0


class Ticking:
    """Calls one timer until it is stopped or, where so declared, fails."""

    def __init__(
        self,
        timer: Timer,
        output: Output,
        settle: Callable[[float], bool],
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._timer = timer
        self._output = output
        self._settle = settle
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
        if is_async(self._timer.function):
            result = await self._function()
        else:
            result = await asyncio.to_thread(self._function)
        # Waits while the client's queue is full, so not on the loop.
        await asyncio.to_thread(self._send, result)

    def _send(self, result: object) -> None:
        self._output.emit(result)
        self._settle(SETTLE_SECONDS)

    async def _guarded(self) -> None:
        try:
            await self.call()
        except Exception as error:  # whatever a function raises; it is said and dealt with
            why = str(error) if isinstance(error, TailraceError) else f"{type(error).__name__}: {error}"
            stops = self._timer.on_error == "stop"
            self.last_error = f"{self._timer.name} failed: {why}"
            then = "The worker stops." if stops else "It is called again at its next time."
            # What a function raised is shown with its trace, what we say ourselves needs none.
            trace = None if isinstance(error, TailraceError) else error
            _log.error("%s %s", _sentence(self.last_error), then, exc_info=trace)
            if stops:
                raise TailraceError(f"The timer {self._timer.name} failed.", cause=why) from error


def _sentence(text: str) -> str:
    return text if text.endswith(".") else f"{text}."


def next_time(due: float, every: float, now: float) -> float:
    """The next time of the schedule that is not over yet: what was missed is left out."""
    return due + every * max(1, int((now - due) // every) + 1)
