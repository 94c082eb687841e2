"""The same look at many things, spread over time: in one go it would hold every record up."""

import asyncio
from collections.abc import Callable, Iterable
from typing import TypeVar

T = TypeVar("T")

# Looks between two turns of the loop, which must not be held up by thousands of them.
SOME = 50


async def spread(look: Callable[[T], object], items: Iterable[T], seconds: float) -> None:
    """Look at each item once within so many seconds, a few at a time; with none only the time passes."""
    todo = list(items)
    starts = range(0, len(todo), SOME) or range(1)
    for start in starts:
        await asyncio.sleep(seconds / len(starts))
        for item in todo[start : start + SOME]:
            look(item)
