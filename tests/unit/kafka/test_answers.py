"""Answers that come together."""

import asyncio
from concurrent.futures import Future, ThreadPoolExecutor

from tailrace.kafka.answers import all_answers


def answer(futures, error):
    """The client's thread has what was asked for."""
    for future in futures[:-1]:
        future.set_result("there")
    futures[-1].set_exception(error)


async def test_each_answer_or_error_stands_at_its_question():
    """One that failed takes no other's answer away."""
    futures, error = [Future() for _ in range(3)], ValueError("no")
    waiting = asyncio.ensure_future(all_answers(futures))
    await asyncio.sleep(0)
    with ThreadPoolExecutor(1) as client:
        client.submit(answer, futures, error)
        assert await waiting == ["there", "there", error]


async def test_answers_may_be_there_before_they_are_waited_for():
    """And there may be none."""
    futures, error = [Future() for _ in range(2)], ValueError("no")
    answer(futures, error)
    assert await all_answers(futures) == ["there", error]
    assert await all_answers([]) == []


async def test_who_has_given_up_is_not_told():
    """An answer that comes later harms nobody."""
    future = Future()
    waiting = asyncio.ensure_future(all_answers([future]))
    await asyncio.sleep(0)
    waiting.cancel()
    future.set_result("late")
    assert [str(one) for one in await asyncio.gather(waiting, return_exceptions=True)] == [""]
    assert await all_answers([future]) == ["late"]


def test_a_loop_that_was_closed_is_not_woken():
    """The client's thread outlives it."""
    future = Future()

    async def give_up():
        asking = asyncio.ensure_future(all_answers([future]))
        await asyncio.sleep(0)
        asking.cancel()

    asyncio.run(give_up())
    future.set_result("late")
    assert future.result() == "late"
