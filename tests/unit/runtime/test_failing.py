"""What a handler may raise, and what becomes of the record."""

import asyncio
import os
import subprocess
import sys

import pytest

from tailrace import App
from tailrace.core.errors import TailraceError
from tailrace.core.groups import Spot
from tailrace.runtime import calling

CLOSED = """
import sys
from tailrace import App
app = App("shop")

@app.on("t", on_error="skip")
def show(value: int):
    print(value, flush=True)

with app.test() as trial:
    trial.send("t", 1)
    try:
        trial.run()
    except Exception as error:
        sys.stderr.write(str(error))
    sys.stderr.write(f" committed {trial.committed('shop')}")
"""


class Unsayable(Exception):
    """Nobody can print it."""

    def __str__(self):
        raise RuntimeError("never")


async def cancelled():
    waiting = asyncio.ensure_future(asyncio.sleep(5))
    waiting.cancel()
    await waiting


@pytest.fixture
def app():
    return App("shop")


def skipped(app, caplog):
    """What is said of two records that are skipped."""
    with app.test() as trial:
        trial.send("t", 1)
        trial.send("t", 2)
        trial.run()
        assert trial.committed("shop") == {Spot("t", 0): 2}
    return [record.getMessage() for record in caplog.records if record.levelname == "ERROR"]


@pytest.mark.parametrize(
    ("error", "said"),
    [
        (StopIteration(), "StopIteration was raised"),
        (Unsayable(), "Unsayable"),
        (ValueError("x"), "ValueError: x"),
    ],
)
def test_any_error_is_its_record_s(app, caplog, error, said):
    """Also those that end loops, and those that cannot be said."""

    @app.on("t", on_error="skip")
    def take(value: int):
        raise error

    assert [line.endswith(f"{said}. Skipped.") for line in skipped(app, caplog)] == [True, True]


@pytest.mark.parametrize("result", [5, [1, 2]])
def test_a_result_without_a_topic_is_said_once(app, caplog, result):
    """Who forgot `to` learns why nothing comes."""

    @app.on("t")
    def take(value: int):
        return result

    with app.test() as trial:
        for number in range(3):
            trial.send("t", number)
        trial.run()
    assert caplog.text.count(f"returned a {type(result).__name__}, which is sent nowhere") == 1


@pytest.mark.parametrize("batch", [None, 1])
def test_a_cancelled_wait_is_its_record_s(app, caplog, batch):
    """A handler that waits for something cancelled has failed like any other."""

    @app.on("t", on_error="skip", batch=batch)
    async def take(value: list):
        await cancelled()

    with app.test() as trial:
        trial.send("t", [1])
        trial.run()
        assert trial.committed("shop") == {Spot("t", 0): 1}
    assert "offset 0: CancelledError. Skipped." in caplog.text


@pytest.mark.parametrize("batch", [None, 1])
def test_an_exit_stops_the_worker(app, batch):
    """Whatever on_error says; the loop goes on, as others use it."""

    @app.on("t", on_error="skip", batch=batch)
    async def take(value: list):
        sys.exit(3)

    with app.test() as trial:
        trial.send("t", [1])
        with pytest.raises(TailraceError, match=r"offset 0\. \(SystemExit: 3\)"):
            trial.run()


def test_nobody_reads_what_is_printed():
    """`tailrace run app | head -1` ends, and commits nothing on records that were not shown."""
    read, write = os.pipe()
    os.close(read)
    done = subprocess.run(  # it fails in both
        [sys.executable, "-c", CLOSED],
        stdout=write,
        stderr=subprocess.PIPE,
        text=True,
        timeout=30,
        check=False,
    )
    os.close(write)
    assert "nobody reads its standard output any more" in done.stderr
    assert "committed {}" in done.stderr


@pytest.mark.parametrize("endless", ["sync", "async"])
def test_one_call_has_a_bound(app, caplog, monkeypatch, endless):
    """A generator that never ends fails on its record."""
    monkeypatch.setattr(calling, "MOST_RESULTS", 10)

    async def more(value: int):
        while True:
            yield value

    def many(value: int):
        while True:
            yield value

    app.on("t", to="out", on_error="skip")(many if endless == "sync" else more)
    assert all("more than 10 results" in line for line in skipped(app, caplog))


@pytest.mark.parametrize("result", [{"sum": 3}, "abc"])
def test_a_batch_returns_a_list(app, caplog, result):
    """Neither a dict's keys nor a text's letters are results."""

    @app.on("t", to="out", batch=10, on_error="skip")
    def take(values: list[int]):
        return result

    assert "has returned a" in skipped(app, caplog)[0]


@pytest.mark.parametrize("kind", ["sync", "async"])
def test_ctrl_c_ends_a_trial(app, kind):
    """It is nobody's failure."""

    async def wait(value: int):
        raise KeyboardInterrupt

    def block(value: int):
        raise KeyboardInterrupt

    app.on("t", on_error="skip")(block if kind == "sync" else wait)
    with app.test() as trial:
        trial.send("t", 1)
        with pytest.raises(KeyboardInterrupt):
            trial.run()
