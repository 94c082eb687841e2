"""`app.test()`: an app without a broker."""

import asyncio
import threading
import time
from contextvars import Context

import pytest

from tailrace import App, To
from tailrace.core.errors import BadRecord, ConfigurationError, TailraceError
from tailrace.core.groups import Spot


@pytest.fixture
def app():
    return App("shop")


def test_records_in_results_out(app):
    """What was sent by the test is not among what the app has sent."""

    @app.on("numbers", to="numbers-doubled")
    def double(value: int) -> int:
        return value * 2

    with app.test() as trial:
        trial.send("numbers", 4, key="k")
        trial.run()
        assert trial.sent("numbers-doubled", int) == [8]
        assert trial.sent_records("numbers-doubled")[0].key == b"k"
        assert trial.sent("numbers") == []
        assert trial.committed("shop") == {Spot("numbers", 0): 1}


def test_a_chain(app):
    """It runs until nothing is left, through several handlers."""

    @app.on("a", to="b")
    def first(value: int):
        yield value + 1
        yield value + 2

    @app.on("b", to="c")
    async def second(value: int):
        await asyncio.sleep(0)
        return value * 10

    with app.test() as trial:
        trial.send("a", 1)
        trial.run()
        assert trial.sent("c") == [20, 30]


def test_timers_by_hand(app):
    """No timer runs by itself; one is chosen by its function."""
    calls = []

    @app.every("5s", to="ticks")
    def tick() -> str:
        calls.append("tick")
        return "now"

    @app.every("1h")
    async def tock():
        calls.append("tock")

    with app.test() as trial:
        assert calls == []
        trial.tick(tick)
        trial.tick()
        assert trial.sent("ticks") == ["now", "now"]
    assert calls == ["tick", "tick", "tock"]


def test_tasks(app):
    """With the words of a command line, typed by annotation."""

    @app.task(to="operations")
    def one(left: int, right: int, operation: str = "sum") -> dict:
        return {"left": left, "right": right, "operation": operation}

    with app.test() as trial:
        trial.call(one, "5", "2")
        assert trial.sent("operations") == [{"left": 5, "right": 2, "operation": "sum"}]
        with pytest.raises(ConfigurationError, match="takes LEFT RIGHT"):
            trial.call(one, "5")
        with pytest.raises(ConfigurationError, match="cannot take 'x' as left"):
            trial.call(one, "x", "2")


def test_async_tasks_send_as_they_yield(app):
    """One record for each."""

    @app.task(to="numbers")
    async def count(upto: int):
        for n in range(upto):
            yield n
        app.send("ended", upto)

    with app.test() as trial:
        trial.call(count, "3")
        assert trial.sent("numbers") == [0, 1, 2]
        assert trial.sent("ended") == [3]


def test_a_failure_is_raised(app):
    """With the record's place, and without a commit."""

    @app.on("orders", retries=3)
    def take(value: int):
        raise ValueError("never")

    with app.test() as trial:
        trial.send("orders", 1)
        with pytest.raises(TailraceError, match="topic orders, partition 0, offset 0"):
            trial.run()
        assert trial.committed("shop") == {}


def test_retries_take_no_time(app):
    """Pauses between tries are left out."""
    tries = []

    @app.on("orders", retries=8, on_error="skip")
    def take(value: int):
        tries.append(value)
        raise ValueError("never")

    started = time.monotonic()
    with app.test() as trial:
        trial.send("orders", 1)
        trial.run()
    assert len(tries) == 9
    assert time.monotonic() - started < 5


def test_a_batch_without_its_unreadable_rows(app):
    """They are skipped one by one, the others handled."""
    seen = []

    @app.on("numbers", batch=10, on_error="skip")
    def take(values: list[int]):
        seen.append(values)

    with app.test() as trial:
        for value in (1, 2, "three", 4):
            trial.send("numbers", value)
        trial.run()
    assert seen == [[1, 2], [4]]


def test_several_partitions_and_workers(app):
    """Members share them as in a group."""
    seen = []

    @app.on("numbers", workers=2)
    def take(value: int):
        seen.append(value)

    with app.test() as trial:
        trial.topic("numbers", 4)
        for n in range(8):
            trial.send("numbers", n, partition=n % 4)
        trial.run()
    assert sorted(seen) == list(range(8))


def test_to_a_topic_that_is_not_declared(app):
    """A mistyped branch is a failure, not a new topic."""

    @app.on("numbers", to=["left", "right"])
    def branch(value: int):
        return To("lefft", value)

    with app.test() as trial:
        trial.send("numbers", 1)
        with pytest.raises(TailraceError, match="does not write"):
            trial.run()


def test_explicit_commits_where_no_context_is_set(app):
    """A plain script has an empty context, which is false; pytest's own is not."""

    @app.on("numbers", commit="explicit")
    def handle(value: int) -> None:
        app.commit()

    def run():
        with app.test() as trial:
            trial.send("numbers", 1)
            trial.run()
            return trial.committed("shop")

    assert Context().run(run) == {Spot("numbers", 0): 1}


def test_explicit_commits(app):
    """Only up to the record at which the handler said so."""

    @app.on("numbers", commit="explicit")
    def take(value: int):
        if value == 2:
            app.commit()

    with app.test() as trial:
        for n in (1, 2, 3):
            trial.send("numbers", n)
        trial.run()
        assert trial.committed("shop") == {Spot("numbers", 0): 2}


def test_a_commit_where_they_come_by_themselves(app):
    """It is refused."""

    @app.on("numbers")
    def take(value: int):
        app.commit()

    with app.test() as trial:
        trial.send("numbers", 1)
        with pytest.raises(TailraceError, match="explicit"):
            trial.run()


def test_from_a_thread_of_the_apps_own(app):
    """`app.send` works in threads that a handler starts."""

    @app.on("numbers")
    def take(value: int):
        thread = threading.Thread(target=app.send, args=("others", value))
        thread.start()
        thread.join()

    with app.test() as trial:
        trial.send("numbers", 1)
        trial.run()
        assert trial.sent("others") == [1]


def test_a_result_that_is_no_json(app):
    """The handler is told which type it was."""

    @app.on("numbers", to="others")
    def take(value: int):
        return {1: object()}

    with app.test() as trial:
        trial.send("numbers", 1)
        with pytest.raises(TailraceError, match="object"):
            trial.run()


def test_what_a_timer_raises(app):
    """It comes out where it is called."""

    @app.every("1s", to="ticks", format="text")
    def tick():
        return {}

    with app.test() as trial, pytest.raises(BadRecord, match="dict is no text"):
        trial.tick()


def test_values_are_in_the_format_of_who_reads_and_writes_the_topic(app):
    """Which may be another than the app's."""

    @app.on("words", to="upper", format="text")
    def upper(value: str) -> str:
        return value.upper()

    with app.test() as trial:
        trial.send("words", "x")
        trial.run()
        assert trial.records("words")[0].value == b"x"
        assert trial.sent("upper") == ["X"]


def test_bytes_that_are_no_json_are_what_was_sent(app):
    """Unless another type is asked for, which they cannot be."""

    @app.on("in", to="out")
    def raw(value: int) -> bytes:
        return b"\xff"

    with app.test() as trial:
        trial.send("in", 1)
        trial.run()
        assert trial.sent("out") == [b"\xff"]
        with pytest.raises(BadRecord, match="as_=bytes"):
            trial.sent("out", str)


def test_headers_may_be_a_mapping(app):
    """As a handler gets them."""

    @app.on("in", to="out")
    def give(value: int, headers):
        app.send("other", value, headers=headers)
        return To("out", value, headers=headers)

    with app.test() as trial:
        trial.send("in", 1, headers={"a": b"1"})
        trial.run()
        for topic in ("other", "out"):
            assert list(trial.sent_records(topic)[0].headers) == [("a", b"1")]


def test_hooks(app):
    """Called around all else, those of the end in reverse."""
    calls = []
    for name in ("a", "b"):
        app.on_start(lambda name=name: calls.append(f"start {name}"))
        app.on_stop(lambda name=name: calls.append(f"stop {name}"))
    with app.test():
        calls.append("run")
    assert calls == ["start a", "start b", "run", "stop b", "stop a"]


async def test_within_a_running_loop(app):
    """Also from an async test."""

    @app.on("numbers", to="others")
    async def take(value: int):
        return value

    with app.test() as trial:
        trial.send("numbers", 1)
        trial.run()
        assert trial.sent("others") == [1]
