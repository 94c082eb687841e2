"""Threads for files: a step that takes too long is not waited for, and keeps few of them from the others."""

import asyncio
import contextlib
import errno
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from typing import Any, TypeVar
from weakref import WeakValueDictionary

from tailrace.core.errors import Unavailable

# Disks of several machines may be slow at once; more threads would only wait for the same ones.
THREADS = 4
# Of one task, whose owner may have made its steps slow: the other threads are for everybody else.
THREADS_OF_ONE = 2
# For one step on a disk, which may be another machine's.
STEP_SECONDS = 10.0

T = TypeVar("T")


class Disk:
    """Runs steps on its threads; used on one event loop."""

    def __init__(self) -> None:
        self._threads = ThreadPoolExecutor(THREADS, "tailrace-logs")
        # For as long as somebody has or awaits a turn.
        self._turns: WeakValueDictionary[str, asyncio.Semaphore] = WeakValueDictionary()
        self._open: set[asyncio.Future[Any]] = set()

    async def run(self, step: Callable[[], T], task: str = "") -> T:
        """Do a step on a thread; of one task a few at a time.

        Raises:
            Unavailable: it takes too long, or can't be done at present.
        """
        try:
            async with asyncio.timeout(STEP_SECONDS):
                return await self._in_turn(step, task)
        except TimeoutError:
            raise Unavailable("The folder of logs does not answer.") from None
        except OSError as error:
            # Nothing is known of the log then; that it is not there would be a guess.
            cause = errno.errorcode.get(error.errno or 0, "unknown")
            raise Unavailable("The log can't be read at present.", cause=cause) from error

    async def _in_turn(self, step: Callable[[], T], task: str) -> T:
        turns = self._turns.setdefault(task, asyncio.Semaphore(THREADS_OF_ONE))
        await turns.acquire()
        loop = asyncio.get_running_loop()
        answer: asyncio.Future[T] = loop.create_future()

        def done(settle: Callable[[], object]) -> None:
            # A step that nobody waits for any more keeps its thread, and with it its turn.
            turns.release()
            if not answer.done():
                settle()

        def work() -> None:
            settle: Callable[[], object] = answer.cancel
            # What nobody waits for any more is not done: who comes and goes must not fill the threads.
            if not answer.done():
                try:
                    settle = partial(answer.set_result, step())
                except Exception as error:  # noqa: BLE001 - whatever it is, who waits has to hear it
                    settle = partial(answer.set_exception, error)
            # The process may have ended meanwhile.
            with contextlib.suppress(RuntimeError):
                loop.call_soon_threadsafe(done, settle)

        # Not by the pool's future: loop and thread would wait for each other's lock on it with each step.
        self._threads.submit(work)
        self._open.add(answer)
        try:
            return await answer
        finally:
            self._open.discard(answer)

    def leave(self, step: Callable[[], object]) -> None:
        """Do a step on a thread that nobody waits for."""
        try:
            self._threads.submit(step)
        except RuntimeError:
            # The process ends: nobody is kept waiting any more.
            step()

    def close(self) -> None:
        """Take no more steps; who waits for one is told that it is cancelled."""
        for answer in self._open:
            answer.cancel()
        self._threads.shutdown(wait=False, cancel_futures=True)
