"""Questions about many things at once: what is asked while some are under way goes into the next one."""

import asyncio
from collections.abc import Awaitable, Callable, Hashable, Mapping, Sequence
from dataclasses import dataclass
from itertools import islice
from typing import Generic, TypeVar

K = TypeVar("K", bound=Hashable)
V = TypeVar("V")

# A question that takes longer waits for a broker that is silent; others are asked beside it, up to a bound.
SLOW_SECONDS = 0.5
MOST_UNDER_WAY = 16


@dataclass(slots=True)
class _Wanted(Generic[V]):
    """An answer that some wait for."""

    answer: asyncio.Future[V | None]
    waiting: int = 0


class GatheredCalls(Generic[K, V]):
    """Asks about each key once for all who wait; a crowd costs a few questions instead of one a key.

    Args:
        ask: the answer for each key, or what went wrong with it; a key left out has none.
        under_way: how many questions are asked beside each other, slow ones aside.
        most: of how many keys in one question.
        slow_seconds: what takes longer no longer counts among those under way.
    """

    def __init__(
        self,
        ask: Callable[[Sequence[K]], Awaitable[Mapping[K, V | BaseException]]],
        *,
        under_way: int,
        most: int,
        slow_seconds: float = SLOW_SECONDS,
    ) -> None:
        self._ask = ask
        self._free = under_way
        self._most = most
        self._slow_seconds = slow_seconds
        self._next: dict[K, _Wanted[V]] = {}
        self._running: set[asyncio.Task[None]] = set()

    async def __call__(self, key: K) -> V | None:
        """The answer for a key, asked after this call; None if there is none."""
        wanted = self._next.get(key)
        if wanted is None:
            wanted = self._next[key] = _Wanted(asyncio.get_running_loop().create_future())
            self._begin()
        wanted.waiting += 1
        try:
            return await asyncio.shield(wanted.answer)
        finally:
            wanted.waiting -= 1
            if not wanted.waiting and self._next.get(key) is wanted:
                del self._next[key]

    def _begin(self) -> None:
        if self._next and self._free and len(self._running) < MOST_UNDER_WAY:
            self._free -= 1
            running = asyncio.create_task(self._run())
            self._running.add(running)
            running.add_done_callback(self._ended)

    def _ended(self, running: asyncio.Task[None]) -> None:
        self._running.discard(running)
        self._begin()

    async def _run(self) -> None:
        keys = list(islice(self._next, self._most))
        answering = asyncio.ensure_future(self._answer({key: self._next.pop(key) for key in keys}))
        await asyncio.wait((answering,), timeout=self._slow_seconds)
        self._free += 1
        self._begin()
        await answering

    async def _answer(self, wanted: Mapping[K, _Wanted[V]]) -> None:
        answers: Mapping[K, V | BaseException]
        try:
            answers = await self._ask(list(wanted)) if wanted else {}
        except Exception as error:  # noqa: BLE001 - whatever it is, who asked has to hear it
            answers = dict.fromkeys(wanted, error)
        for key, each in wanted.items():
            answer = answers.get(key)
            if isinstance(answer, BaseException):
                each.answer.set_exception(answer)
                each.answer.exception()
            else:
                each.answer.set_result(answer)
