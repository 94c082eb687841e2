"""What goes first when many logs are opened at once: files' lines are there, topics must be asked for."""

import asyncio
import contextlib
from collections.abc import Iterator
from contextlib import contextmanager

# However many come, topics are not kept waiting for longer.
LONGEST_SECONDS = 0.5


class FirstLines:
    """Lets whoever reads a file's first lines go before whoever looks for a topic; used on one event loop."""

    def __init__(self) -> None:
        self._awaited = 0
        self._given = asyncio.Event()
        self._given.set()

    @contextmanager
    def awaited(self) -> Iterator[None]:
        """Somebody waits for a file's first lines in here."""
        self._awaited += 1
        self._given.clear()
        try:
            yield
        finally:
            self._awaited -= 1
            if not self._awaited:
                self._given.set()

    async def given(self) -> None:
        """Wait until nobody waits for the first lines of a file, or for long enough."""
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(LONGEST_SECONDS):
                await self._given.wait()
