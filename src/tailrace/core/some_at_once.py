"""The same work on many things, a few at a time."""

import asyncio
from collections.abc import Awaitable, Callable, Iterable
from typing import TypeVar

T = TypeVar("T")
V = TypeVar("V")


async def some_at_once(most: int, work: Callable[[T], Awaitable[V]], items: Iterable[T]) -> list[V]:
    """The results in the order of the items; the first failure ends the others and is raised alone."""
    gate = asyncio.Semaphore(most)

    async def one(item: T) -> V:
        async with gate:
            return await work(item)

    try:
        async with asyncio.TaskGroup() as group:
            tasks = [group.create_task(one(item)) for item in items]
    except ExceptionGroup as failures:
        raise failures.exceptions[0] from None
    return [task.result() for task in tasks]
