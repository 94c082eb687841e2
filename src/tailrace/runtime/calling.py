"""Functions of four kinds, plain, generators, and both async, called alike."""

import asyncio
import inspect
import threading
from collections.abc import Callable
from contextlib import suppress
from contextvars import copy_context
from itertools import islice
from typing import Any

from tailrace.core.errors import BadRecord
from tailrace.runtime.declarations import Function
from tailrace.runtime.results import Many

# Of one call: they are kept until it has ended well, and one that never ends would fill the memory.
MOST_RESULTS = 100_000


def collected(function: Function) -> Function:
    """The function; if it yields, one that returns all it yields, so that a failed call has sent nothing."""
    if inspect.isasyncgenfunction(function):

        async def collect_async(*arguments: Any) -> Many:  # noqa: ANN401  # the function's own
            results = Many()
            async for one in function(*arguments):
                results.append(one)
                _bounded(results)
            return results

        return collect_async
    if inspect.isgeneratorfunction(function):

        def collect(*arguments: Any) -> Many:  # noqa: ANN401  # the function's own
            return _bounded(Many(islice(function(*arguments), MOST_RESULTS + 1)))

        return collect
    return function


def _bounded(results: Many) -> Many:
    if len(results) > MOST_RESULTS:
        raise BadRecord(
            f"One call has yielded more than {MOST_RESULTS:,} results.",
            hint="Send them with app.send, which does not keep them.",
        )
    return results


async def in_thread(function: Callable[..., Any], *arguments: Any) -> Any:  # noqa: ANN401  # the function's own
    """Call it in a thread that may be left behind: neither the loop's end nor the process's waits for it."""
    loop, context = asyncio.get_running_loop(), copy_context()
    done = loop.create_future()

    def run() -> None:
        result, raised = None, None
        try:
            result = context.run(function, *arguments)
        except BaseException as error:  # noqa: BLE001  # raised where it is awaited
            raised = error
        with suppress(RuntimeError):  # the loop has ended meanwhile
            loop.call_soon_threadsafe(tell, (result, raised))

    def tell(outcome: tuple[Any, BaseException | None]) -> None:
        if not done.done():
            done.set_result(outcome)

    threading.Thread(target=run, name="tailrace-call", daemon=True).start()
    result, raised = await done
    if raised is not None:
        raise raised
    return result
