"""Functions of four kinds, plain, generators, and both async, called alike."""

import inspect
from typing import Any

from tailrace.runtime.declarations import Function
from tailrace.runtime.results import Many


def collected(function: Function) -> Function:
    """The function; if it yields, one that returns all it yields, so that a failed call has sent nothing."""
    if inspect.isasyncgenfunction(function):

        async def collect_async(*arguments: Any) -> Many:  # noqa: ANN401  # the function's own
            return Many([one async for one in function(*arguments)])

        return collect_async
    if inspect.isgeneratorfunction(function):

        def collect(*arguments: Any) -> Many:  # noqa: ANN401  # the function's own
            return Many(function(*arguments))

        return collect
    return function
