"""Handlers that take longer than a poll may wait: the same on the log in memory and on Kafka."""

import asyncio
import threading
import time

import pytest
from tests.contract.clusters import until

from tailrace.core.groups import Spot
from tailrace.runtime import member


@pytest.fixture(autouse=True)
def impatient(monkeypatch):
    """A record is slow after a hundredth of a second, and a slow handler has one record in hand."""
    monkeypatch.setattr(member, "PATIENCE_SECONDS", 0.01)
    monkeypatch.setattr(member, "BATCH_RECORDS", 1)
    monkeypatch.setattr(member, "POLL_SECONDS", 0.02)


class Slow:
    """A handler that is held in a record until it is let go."""

    def __init__(self, held):
        self.seen, self._held = [], held
        self.begun, self.go_on = threading.Event(), threading.Event()

    def __call__(self, value: int) -> None:
        if value == self._held:
            self.begun.set()
            assert self.go_on.wait(20)
        self.seen.append(value)


def lent(running):
    """Whether the reader of its only member is polled while a record is in hand."""
    return running.service._members[0]._handover._lent


async def test_slow_records_come_once_each(cluster, app, run):
    """The partitions are paused and go on, again and again."""
    topic, seen = cluster.topic(2), []

    @app.on(topic, start="earliest")
    def take(value: int):
        time.sleep(0.03)  # longer than the patience: this is what is tested
        seen.append(value)

    for n in range(20):
        cluster.append(topic, b"%d" % n, partition=n % 2)
    running = await run(app)
    await until(lambda: len(seen) >= 20)
    await running.stop()
    assert [n for n in seen if n % 2] == list(range(1, 20, 2))
    assert sorted(seen) == list(range(20))


async def test_what_is_done_is_committed_while_a_record_is_in_hand(cluster, app, run, monkeypatch):
    """By the time of the commits, however long the record takes."""
    monkeypatch.setattr(member, "SETTLE_EVERY_SECONDS", 0)
    topic, slow = cluster.topic(), Slow(held=3)
    app.on(topic, start="earliest")(slow.__call__)
    cluster.append(topic, b"1", b"2", b"3")
    running = await run(app, commit_seconds=0.05)
    await asyncio.to_thread(slow.begun.wait, 20)
    await until(lambda: running.service._members[0]._committed == {Spot(topic, 0): 2})
    slow.go_on.set()
    await until(lambda: running.service._members[0]._committed == {Spot(topic, 0): 3})


async def test_partitions_move_after_the_record_in_hand(cluster, app, run):
    """Who joins waits for it; nothing is handled twice, and nothing is left out."""
    topic, slow = cluster.topic(4), Slow(held=0)
    app.on(topic, start="earliest")(slow.__call__)
    for n in range(40):
        cluster.append(topic, b"%d" % n, partition=n % 4)
    first = await run(app)
    await asyncio.to_thread(slow.begun.wait, 20)
    await until(lambda: lent(first))
    joining = asyncio.ensure_future(run(app))
    await until(lambda: first.service._members[0]._handover.interrupted)
    slow.go_on.set()
    second = await joining
    await until(lambda: len(slow.seen) >= 40)
    assert sorted(slow.seen) == list(range(40))
    assert first.service.records + second.service.records == 40
