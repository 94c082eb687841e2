"""Answers of an administrator's client, handed over to the loop all together."""

import asyncio
import contextlib
import threading
from collections.abc import Collection
from concurrent.futures import Future
from typing import TypeVar

T = TypeVar("T")


async def all_answers(asked: Collection[Future[T]]) -> list[T | BaseException]:
    """What each became, in order, errors too.

    The client's thread wakes the loop once: hundreds of wake-ups cost more than what they bring.
    """
    loop = asyncio.get_running_loop()
    over = loop.create_future()
    left, lock = len(asked), threading.Lock()

    def count_down(_: Future[T]) -> None:
        nonlocal left
        with lock:
            left -= 1
            is_last = not left
        if is_last:
            # The loop may have been closed before the answer came.
            with contextlib.suppress(RuntimeError):
                loop.call_soon_threadsafe(finish)

    def finish() -> None:
        if not over.done():
            over.set_result(None)

    for future in asked:
        future.add_done_callback(count_down)
    if asked:
        await over
    return [future.exception() or future.result() for future in asked]
