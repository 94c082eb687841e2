"""Questions about many things at once: what is asked while some are under way goes into the next one."""

import asyncio
from collections.abc import Awaitable, Callable, Hashable, Mapping, Sequence
from typing import Generic, TypeVar

K = TypeVar("K", bound=Hashable)
V = TypeVar("V")


class GatheredCalls(Generic[K, V]):
    """Asks about each key once for all who wait; a crowd costs a few questions instead of one a key.

    Args:
        ask: the answer for each key, or what went wrong with it; a key left out has none.
        under_way: how many questions are asked beside each other.
        most: of how many keys in one question.
    """

    def __init__(
        self,
        ask: Callable[[Sequence[K]], Awaitable[Mapping[K, V | BaseException]]],
        *,
        under_way: int,
        most: int,
    ) -> None:
        self._ask = ask
        self._free = under_way
        self._most = most
        self._next: dict[K, asyncio.Future[V | None]] = {}
        self._running: set[asyncio.Task[None]] = set()

    async def __call__(self, key: K) -> V | None:
        """The answer for a key, asked after this call; None if there is none."""
        answer = self._next.get(key)
        if answer is None:
            answer = self._next[key] = asyncio.get_running_loop().create_future()
            self._begin()
        return await asyncio.shield(answer)

    def _begin(self) -> None:
        if self._free:
            self._free -= 1
            running = asyncio.create_task(self._run())
            self._running.add(running)
            running.add_done_callback(self._running.discard)

    async def _run(self) -> None:
        try:
            while self._next:
                keys = list(self._next)[: self._most]
                await self._answer({key: self._next.pop(key) for key in keys})
        finally:
            self._free += 1

    async def _answer(self, waiting: Mapping[K, asyncio.Future[V | None]]) -> None:
        answers: Mapping[K, V | BaseException]
        try:
            answers = await self._ask(list(waiting))
        except Exception as error:  # noqa: BLE001 - whatever it is, who asked has to hear it
            answers = dict.fromkeys(waiting, error)
        for key, future in waiting.items():
            answer = answers.get(key)
            if isinstance(answer, BaseException):
                future.set_exception(answer)
                future.exception()
            else:
                future.set_result(answer)
