"""Which connection makes room."""

import asyncio

from tailrace.transports.idle import LOOK_SECONDS, IdleConnections


class KeptAlive:
    """As much of a connection as is asked: the timer that runs while it is idle."""

    def __init__(self, seconds):
        self.timeout_keep_alive_task = asyncio.get_running_loop().call_later(seconds, print)


async def test_the_longest_is_the_first_of_those_that_are_still_idle():
    """Its timer is the next to end; one that was asked something since has another, or none."""
    third, first, busy, second = connections = [KeptAlive(seconds) for seconds in (30, 10, 15, 20)]
    idle = IdleConnections()
    assert idle.take([object(), *connections], now=5.0) is first
    busy.timeout_keep_alive_task = None
    assert idle.take(connections, now=5.0) is second
    assert idle.take(connections, now=5.0) is third


async def test_a_crowd_of_newcomers_gets_one_look():
    """Each look goes through all connections."""
    idle, kept = IdleConnections(), KeptAlive(10)
    assert idle.take([], now=5.0) is None
    assert idle.take([kept], now=5.0 + LOOK_SECONDS / 2) is None
    assert idle.take([kept], now=5.0 + LOOK_SECONDS) is kept
