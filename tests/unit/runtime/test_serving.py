"""Services with producers that are slow, full or forbidden, and their end."""

import asyncio
import time

import pytest
from tests.contract.clusters import until

from tailrace import App
from tailrace.core.errors import ConfigurationError, Forbidden, TailraceError
from tailrace.core.groups import Spot
from tailrace.memory import MemoryLog, MemoryServices
from tailrace.memory.services import MemorySender
from tailrace.runtime import member
from tailrace.runtime import service as services
from tailrace.runtime.service import Service

FIRST = Spot("t", 0)


class Sending(MemorySender):
    """A producer that can be full, slow to store, or forbidden."""

    full = slow = forbidden = False
    settled = 0

    def send(self, topic, value, *more, wait=True):
        if self.forbidden:
            raise Forbidden("A record could not be stored.")
        if self.full and not wait:
            raise BufferError
        while self.full:
            time.sleep(0.001)
        super().send(topic, value, *more)

    def settle(self, seconds):
        self.settled += 1
        time.sleep(0.01)
        return not self.slow


class Cluster(MemoryServices):
    """All producers are one."""

    def __init__(self, log):
        super().__init__(log)
        self.log, self.producer = log, Sending(log)

    def sender(self, client_id):
        return self.producer


@pytest.fixture
def cluster():
    log = MemoryLog()
    log.create("t")
    log.create("out")
    return Cluster(log)


@pytest.fixture
def app():
    return App("shop")


class Served:
    """A service that runs beside the test."""

    def __init__(self, cluster, app):
        self.service = Service(app, app.programs, cluster, "shop-0", 0.05)
        self.stop = asyncio.Event()

    async def __aenter__(self):
        await self.service.start()
        self.task = asyncio.ensure_future(self.service.serve(self.stop))
        await until(lambda: self.service.ready)
        return self

    async def __aexit__(self, *raised):
        self.stop.set()
        await asyncio.wait([self.task])
        await self.service.finish()


async def test_a_producer_s_error_is_no_record_s(cluster, app):
    """It stops the worker where records may be skipped: else all of them were."""

    @app.on("t", to="out", start="earliest", on_error="skip", retries=3)
    def take(value: int):
        return value

    cluster.producer.forbidden = True
    async with Served(cluster, app) as served:
        cluster.log.append("t", b"1")
        with pytest.raises(TailraceError, match="offset 0"):
            await asyncio.wait_for(served.task, 5)
    assert cluster.committed("shop") == {}


@pytest.mark.parametrize("batch", [None, 10])
async def test_a_coroutine_that_is_left_is_not_done(cluster, app, monkeypatch, batch):
    """At the end of the time for a stop it is cancelled, and comes again to others."""
    monkeypatch.setattr(services, "STOP_SECONDS", 0.1)
    begun = []

    @app.on("t", start="earliest", on_error="skip", batch=batch)
    async def take(value: list):
        begun.append(value)
        await asyncio.sleep(30)

    async with Served(cluster, app) as served:
        cluster.log.append("t", b"[1]")
        await until(lambda: begun)
        served.stop.set()
        await asyncio.wait_for(served.task, 3)
    assert cluster.committed("shop") == {}


@pytest.mark.parametrize("kind", ["sync", "async"])
async def test_a_timer_has_so_long_to_end(cluster, app, monkeypatch, kind):
    """Its call in hand does not hold up the stop."""
    monkeypatch.setattr(services, "STOP_SECONDS", 0.1)
    begun = []

    async def wait():
        begun.append(1)
        await asyncio.sleep(30)

    def block():
        begun.append(1)
        time.sleep(5)

    app.every("1h")(block if kind == "sync" else wait)
    async with Served(cluster, app) as served:
        await until(lambda: begun)
        served.stop.set()
        await asyncio.wait_for(served.task, 2)


async def test_a_full_producer_does_not_hold_the_loop(cluster, app):
    """What else is async goes on while a handler's result waits for room."""

    @app.on("t", to="out", start="earliest")
    async def take(value: int):
        return value

    cluster.producer.full = True
    async with Served(cluster, app) as served:
        cluster.log.append("t", b"1")
        for _ in range(20):
            await asyncio.sleep(0.01)
        assert served.service.records == 0
        cluster.producer.full = False
        await until(lambda: served.service.records)
    assert cluster.producer.sent == 1


async def test_a_handler_that_never_waits_lets_others_run(cluster, app):
    """The loop has its turn every few milliseconds."""
    seen = []

    @app.on("t", start="earliest")
    async def take(value: int):
        seen.append(value)
        time.sleep(0.001)  # noqa: ASYNC251  # as such handlers do

    for _ in range(1000):
        cluster.log.append("t", b"1")
    async with Served(cluster, app):
        await until(lambda: seen)
        assert len(seen) < 500


async def test_commits_do_not_starve(cluster, app):
    """While results are not stored nothing more is handled, so that the commit comes with them."""
    seen = []

    @app.on("t", to="out", start="earliest")
    def take(value: int):
        seen.append(value)
        if len(seen) == 5:
            served.service._members[0]._handover.interrupt()
        return value

    cluster.producer.slow = True
    async with Served(cluster, app) as served:
        for _ in range(100):
            cluster.log.append("t", b"1")
        await until(lambda: cluster.producer.settled > 3)
        assert len(seen) == 5
        cluster.producer.slow = False
        await until(lambda: cluster.committed("shop") == {FIRST: 100})


async def test_a_quick_handler_waits_for_its_results(cluster, app, monkeypatch):
    """When they are due nothing more is handled until they are stored, though no record is slow."""
    monkeypatch.setattr(member, "SETTLE_EVERY_SECONDS", 0)
    monkeypatch.setattr(member, "BATCH_RECORDS", 10)
    seen = []

    @app.on("t", to="out", start="earliest")
    def take(value: int):
        seen.append(value)
        return value

    cluster.producer.slow = True
    for _ in range(1000):
        cluster.log.append("t", b"1")
    async with Served(cluster, app):
        await until(lambda: cluster.producer.settled > 10)
        assert len(seen) == 1
        cluster.producer.slow = False
        await until(lambda: len(seen) == 1000)


async def test_an_explicit_commit_goes_no_further(cluster, app):
    """What is handled while the results before are being stored is not asked for."""

    @app.on("t", start="earliest", commit="explicit")
    def take(value: int):
        if value == 1:
            app.commit()

    cluster.producer.slow = True
    async with Served(cluster, app) as served:
        cluster.log.append("t", b"1")
        await until(lambda: served.service.records == 1)
        cluster.log.append("t", b"2")
        await until(lambda: served.service.records == 2)
        cluster.producer.slow = False
    assert cluster.committed("shop") == {FIRST: 1}


async def test_results_are_settled_without_a_commit(cluster, app):
    """A handler that never commits has its results stored all the same."""

    @app.on("t", to="out", start="earliest", commit="explicit")
    def take(value: int):
        return value

    async with Served(cluster, app) as served:
        cluster.log.append("t", b"1")
        await until(lambda: served.service.records == 1)
        await until(lambda: cluster.producer.settled)
    assert cluster.committed("shop") == {}


def test_several_workers_need_a_group(cluster, app):
    """Without one each would handle every record."""

    @app.on("t", group=None, workers=3)
    def take(value: int): ...

    with pytest.raises(ConfigurationError, match="3 workers would handle every record"):
        Service(app, app.programs, cluster, "shop-0")


async def test_each_timer_has_its_producer(app):
    """What one has sent is not waited for by another."""
    log, made = MemoryLog(), []

    class Counted(MemoryServices):
        def sender(self, client_id):
            made.append(client_id)
            return super().sender(client_id)

    for topic in ("left", "right"):
        app.every("1h", to=topic)(lambda: 1)
    async with Served(Counted(log), app):
        await until(lambda: len(log.topics()) == 2)
    assert len(made) == 2


@pytest.mark.parametrize(("waiting", "told"), [(1, "1 record."), (2_000, "2,000 records.")])
async def test_what_is_left_at_the_end_is_counted(cluster, app, waiting, told):
    """Of hooks, tasks and timers: a handler's comes again."""
    service = Service(app, [], cluster, "shop-0")
    await service.start()
    app.send("out", 1)
    cluster.producer.slow, cluster.producer.waiting = True, waiting
    with pytest.raises(TailraceError, match=f"Not stored in time: {told}"):
        await service.finish()
