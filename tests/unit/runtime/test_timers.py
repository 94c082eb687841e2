"""When timers are called."""

import asyncio

import pytest

from tailrace import App
from tailrace.core.errors import TailraceError
from tailrace.memory import MemoryLog, MemoryServices
from tailrace.runtime.app import Running
from tailrace.runtime.results import Output
from tailrace.runtime.service import no_commit
from tailrace.runtime.timers import Ticking, next_time
from tailrace.runtime.values import encoder


@pytest.mark.parametrize(
    ("due", "now", "following"),
    [(0, 0, 5), (0, 0.1, 5), (0, 4.9, 5), (0, 5, 10), (0, 12.5, 15), (3, 3.5, 8)],
)
def test_the_schedule_holds(due, now, following):
    """Times are multiples of the interval; what is over is left out."""
    assert next_time(due, 5, now) == following


def ticking(app):
    """The app's only timer."""
    (timer,) = app.programs
    sender = MemoryServices(MemoryLog()).sender("test")
    output = Output(timer.to, encoder("json"), sender)
    return Ticking(timer, output, sender, Running(output, no_commit))


async def test_it_is_called_at_once_and_until_stopped():
    """The first call does not wait for the interval."""
    app, stop, calls = App("clock"), asyncio.Event(), []

    @app.every("1h")
    async def tick():
        calls.append(1)
        stop.set()

    await ticking(app).run(stop)
    assert calls == [1]


async def test_an_error_is_said_and_not_the_end(caplog):
    """The next call comes at its time."""
    app, stop, calls = App("clock"), asyncio.Event(), []

    @app.every("1ms")
    def tick():
        calls.append(1)
        if len(calls) == 1:
            raise ValueError("once")
        stop.set()

    await ticking(app).run(stop)
    assert len(calls) == 2
    assert "tick failed: ValueError: once. It is called again" in caplog.text


async def test_an_error_may_stop_the_worker():
    """Where the timer says so."""
    app = App("clock")

    @app.every("1ms", on_error="stop")
    def tick():
        raise ValueError("always")

    with pytest.raises(TailraceError, match="The timer tick failed"):
        await ticking(app).run(asyncio.Event())
