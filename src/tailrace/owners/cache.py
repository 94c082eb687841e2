"""Answers about owners that are kept for a while, a bounded number of them."""

import asyncio
from collections import Counter, OrderedDict
from collections.abc import Callable, Collection
from time import monotonic
from typing import Protocol

from tailrace.core.errors import Overloaded

# A task that was just submitted must not stay unknown for long to whoever asked too early. Another's is
# forgotten as soon, so that the time of an answer does not tell it from none.
NOT_OWNED_SECONDS = 2.0
# Questions that wait for an answer at a time.
MOST_QUESTIONS = 1000
# Of one principal, so that its questions keep nobody else's waiting for long.
MOST_QUESTIONS_OF_ONE = 50

# Of which resource, for whom.
_Question = tuple[str, str]


class Source(Protocol):
    """Who knows owners, and is asked as seldom as possible."""

    async def of(self, resource: str) -> Collection[str]:
        """The names of its owners; none where nobody is known.

        Raises:
            Unavailable: it cannot be found out at present.
        """
        ...


class CachedOwners:
    """Keeps another's answers, for each asker by itself; who asks the same again at once shares its question.

    An answer that came fast because somebody else had asked would tell that there is such a resource.

    Args:
        source: who knows.
        seconds: how long an answer counts.
        most: how many are kept; the one used least recently goes first.
        clock: seconds, monotonic.
    """

    def __init__(
        self, source: Source, seconds: float, most: int, clock: Callable[[], float] = monotonic
    ) -> None:
        self._source = source
        self._seconds = seconds
        self._most = most
        self._clock = clock
        self._kept: OrderedDict[_Question, tuple[float, Collection[str]]] = OrderedDict()
        self._asked: dict[_Question, asyncio.Task[Collection[str]]] = {}
        self._askers: Counter[str] = Counter()

    def __len__(self) -> int:
        return len(self._kept)

    async def of(self, resource: str, asker: str = "") -> Collection[str]:
        """The names of its owners.

        Raises:
            Overloaded: too many questions wait for an answer, of this asker or of all.
            Unavailable: it cannot be found out at present.
        """
        question = resource, asker
        found = self._kept.get(question)
        if found is not None and found[0] > self._clock():
            self._kept.move_to_end(question)
            return found[1]
        asked = self._asked.get(question)
        if asked is None:
            if len(self._asked) >= MOST_QUESTIONS or self._askers[asker] >= MOST_QUESTIONS_OF_ONE:
                raise Overloaded("Too many questions about owners wait for an answer.")
            # A question counts until it is answered, also when whoever asked has gone.
            self._askers[asker] += 1
            asked = self._asked[question] = asyncio.create_task(self._ask(question))
        # Who leaves does not take the answer from the others.
        return await asyncio.shield(asked)

    async def _ask(self, question: _Question) -> Collection[str]:
        resource, asker = question
        try:
            owners = await self._source.of(resource)
        finally:
            del self._asked[question]
            self._askers[asker] -= 1
            if not self._askers[asker]:
                del self._askers[asker]
        seconds = self._seconds if asker in owners else min(self._seconds, NOT_OWNED_SECONDS)
        self._kept[question] = (self._clock() + seconds, owners)
        self._kept.move_to_end(question)
        while len(self._kept) > self._most:
            self._kept.popitem(last=False)
        return owners
