"""Small parts: whose turn it is, shared questions, and a window's places."""

import asyncio

import pytest

from tailrace.core.errors import BrokerUnavailable
from tailrace.core.pump import Pump
from tailrace.core.records import Chunk, Record
from tailrace.core.shared_calls import SharedCalls
from tailrace.core.window import Window


class Taker:
    """Takes a number of turns."""

    def __init__(self, turns, taken, *, live):
        self.turns, self.taken, self.live, self.queued = turns, taken, live, False

    def turn(self):
        self.turns -= 1
        self.taken.append(self)
        return self.turns > 0

    def break_off(self):
        raise AssertionError


def test_readers_take_turns_and_live_ones_go_first():
    """One that has much to do keeps nobody waiting."""
    rounds, taken = [], []
    pump = Pump(rounds.append, clock=iter(range(1000)).__next__)
    behind, live = Taker(3, taken, live=False), Taker(3, taken, live=True)
    for reader in (behind, live, live):
        pump.wake(reader)
    while rounds:
        rounds.pop()()
    assert taken == [live, behind] * 3


async def test_who_asks_during_a_call_gets_an_answer_that_is_newer_than_the_question():
    """And shares it with all who asked meanwhile."""
    calls, gate, tasks = [], asyncio.Event(), set()

    async def ask(key):
        calls.append(key)
        await gate.wait()
        return len(calls)

    def spawn(work):
        tasks.add(asyncio.ensure_future(work))

    shared = SharedCalls(ask, spawn)
    first = asyncio.ensure_future(shared("k"))
    await asyncio.sleep(0)
    await asyncio.sleep(0)
    later = [asyncio.ensure_future(shared("k")) for _ in range(5)]
    await asyncio.sleep(0)
    gate.set()
    assert await first == 1
    assert await asyncio.gather(*later) == [2] * 5


async def test_an_error_reaches_all_who_asked():
    """And the next one asks anew."""

    async def ask(key):
        raise BrokerUnavailable("No.")

    tasks = set()
    shared = SharedCalls(ask, lambda work: tasks.add(asyncio.ensure_future(work)))
    for _ in range(2):
        with pytest.raises(BrokerUnavailable):
            await shared("k")


def test_a_window_finds_the_place_of_any_cursor():
    """The last entry up to which nothing was missed."""
    window = Window("tag", {0: 0, 1: 0}, 10_000_000)
    for n in range(50):
        window.append(Chunk.of([Record("t", n % 2, n // 2, 0, None, b"1")]))
    for n in range(51):
        positions = {0: (n + 1) // 2, 1: n // 2}
        assert window.locate(positions) == n
    assert window.locate({0: 3, 1: 25}) == 6
    assert window.locate({0: 3, 1: 25}, owed=frozenset({0})) == 50
    window.trim(2_000)
    assert window.locate({0: 0, 1: 0}) is None
