"""Questions that block, asked on a few threads, each with a deadline."""

import asyncio
import logging
from collections.abc import Callable, Collection
from concurrent.futures import ThreadPoolExecutor

from tailrace.core.errors import TailraceError, Unavailable

_log = logging.getLogger("tailrace.owners")

# As many questions as a database or a service is bothered with at a time.
THREADS = 4
# Beyond the time that a question may take by itself: for those before it.
QUEUE_SECONDS = 2.0


class Asking:
    """Asks on threads.

    Args:
        seconds: for an answer.
    """

    def __init__(self, seconds: float) -> None:
        self._seconds = seconds
        self._threads = ThreadPoolExecutor(THREADS, "tailrace-owners")

    async def ask(self, question: Callable[[], Collection[str]]) -> Collection[str]:
        """The answer.

        Raises:
            Unavailable: there is none, or it took too long.
        """
        loop = asyncio.get_running_loop()
        try:
            async with asyncio.timeout(self._seconds + QUEUE_SECONDS):
                return await loop.run_in_executor(self._threads, question)
        except TimeoutError:
            raise Unavailable("Who owns the task could not be found out in time.") from None
        except TailraceError:
            raise
        except Exception as error:
            # What a driver says may name hosts and users: for the log only.
            _log.exception("A question about owners failed.")
            raise Unavailable("Who owns the task could not be found out.") from error
