"""Questions that block, asked on a few threads, each with a deadline."""

import asyncio
import logging
import math
from collections.abc import Callable, Collection
from concurrent.futures import ThreadPoolExecutor
from time import monotonic

from tailrace.core.errors import TailraceError, Unavailable

_log = logging.getLogger("tailrace.owners")

# As many questions as a database or a service is bothered with at a time.
THREADS = 4
# Beyond the time that a question may take by itself: for those before it.
QUEUE_SECONDS = 2.0
# What fails again and again is told once in a while.
TELL_SECONDS = 60.0
LONGEST_REASON = 200


class Asking:
    """Asks on threads.

    Args:
        seconds: for an answer.
    """

    def __init__(self, seconds: float) -> None:
        self._seconds = seconds
        self._threads = ThreadPoolExecutor(THREADS, "tailrace-owners")
        self._failures = 0
        self._told = -math.inf

    async def ask(self, question: Callable[[], Collection[str]]) -> Collection[str]:
        """The answer.

        Raises:
            Unavailable: there is none, or it took too long.
        """
        loop = asyncio.get_running_loop()
        try:
            async with asyncio.timeout(self._seconds + QUEUE_SECONDS):
                return await loop.run_in_executor(self._threads, question)
        except TimeoutError as error:
            self._tell(error)
            raise Unavailable("Who owns the task could not be found out in time.") from None
        except TailraceError as error:
            self._tell(error)
            raise
        except Exception as error:
            # What a driver says may name hosts and users: for the log only.
            self._tell(error)
            raise Unavailable("Who owns the task could not be found out.") from error

    def _tell(self, error: Exception) -> None:
        """One line for all failures of a while."""
        self._failures += 1
        if monotonic() - self._told < TELL_SECONDS:
            return
        said = error.cause or error.detail if isinstance(error, TailraceError) else str(error)
        reason = " ".join(f"{type(error).__name__}: {said}".split())[:LONGEST_REASON]
        _log.error("Questions about owners failed, %d of them: %s", self._failures, reason)
        self._failures, self._told = 0, monotonic()
