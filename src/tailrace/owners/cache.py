"""Answers about owners that are kept for a while, a bounded number of them."""

import asyncio
from collections import OrderedDict
from collections.abc import Callable, Collection
from time import monotonic

from tailrace.auth import Owners
from tailrace.core.errors import Overloaded

# A task that was just submitted must not stay unknown for long to whoever asked too early.
UNKNOWN_SECONDS = 2.0
# Questions that wait for an answer at a time.
MOST_QUESTIONS = 1000


class CachedOwners:
    """Keeps another's answers; who asks the same at once shares one question.

    Args:
        source: who knows.
        seconds: how long an answer counts.
        most: how many are kept; the one used least recently goes first.
        clock: seconds, monotonic.
    """

    def __init__(
        self, source: Owners, seconds: float, most: int, clock: Callable[[], float] = monotonic
    ) -> None:
        self._source = source
        self._seconds = seconds
        self._most = most
        self._clock = clock
        self._kept: OrderedDict[str, tuple[float, Collection[str]]] = OrderedDict()
        self._asked: dict[str, asyncio.Task[Collection[str]]] = {}

    def __len__(self) -> int:
        return len(self._kept)

    async def of(self, resource: str) -> Collection[str]:
        """The names of its owners."""
        found = self._kept.get(resource)
        if found is not None and found[0] > self._clock():
            self._kept.move_to_end(resource)
            return found[1]
        asked = self._asked.get(resource)
        if asked is None:
            if len(self._asked) >= MOST_QUESTIONS:
                raise Overloaded("Too many questions about owners wait for an answer.")
            asked = self._asked[resource] = asyncio.create_task(self._ask(resource))
        # Who leaves does not take the answer from the others.
        return await asyncio.shield(asked)

    async def _ask(self, resource: str) -> Collection[str]:
        try:
            owners = await self._source.of(resource)
        finally:
            del self._asked[resource]
        seconds = self._seconds if owners else min(self._seconds, UNKNOWN_SECONDS)
        self._kept[resource] = (self._clock() + seconds, owners)
        self._kept.move_to_end(resource)
        while len(self._kept) > self._most:
            self._kept.popitem(last=False)
        return owners
