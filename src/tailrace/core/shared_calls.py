"""Many who ask the same at once share one answer, never an older one than their question."""

import asyncio
from collections.abc import Awaitable, Callable, Coroutine, Hashable
from typing import Generic, TypeVar

K = TypeVar("K", bound=Hashable)
V = TypeVar("V")


class SharedCalls(Generic[K, V]):
    """Calls a question for a key at most once at a time; who asks meanwhile shares the next call.

    Sharing a call that is already under way would answer with what was true before the question.
    """

    def __init__(
        self,
        ask: Callable[[K], Awaitable[V]],
        spawn: Callable[[Coroutine[object, object, None]], object],
    ) -> None:
        self._ask = ask
        self._spawn = spawn
        self._running: set[K] = set()
        self._next: dict[K, asyncio.Future[V]] = {}

    async def __call__(self, key: K) -> V:
        """The answer for a key, asked after this call."""
        future = self._next.get(key)
        if future is None:
            future = self._next[key] = asyncio.get_running_loop().create_future()
            if key not in self._running:
                self._spawn(self._run(key))
        return await asyncio.shield(future)

    async def _run(self, key: K) -> None:
        self._running.add(key)
        while future := self._next.pop(key, None):
            try:
                answer = await self._ask(key)
            except Exception as error:  # noqa: BLE001 - whatever it is, who asked has to hear it
                future.set_exception(error)
                future.exception()
            else:
                future.set_result(answer)
        self._running.discard(key)
