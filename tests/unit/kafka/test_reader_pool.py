"""How reads share consumers where brokers can't be asked, or consumers not be made."""

import asyncio

import pytest

from tailrace.core.errors import BrokerUnavailable, Internal
from tailrace.kafka import connection
from tailrace.kafka.reader_pool import CatchUpPool

AWAY = {"bootstrap.servers": "127.0.0.1:1"}


@pytest.fixture
def read(monkeypatch):
    """Start reads of the partitions of a topic that nobody answers about."""
    monkeypatch.setattr(connection, "QUESTION_SECONDS", 0.2)
    pool = CatchUpPool(AWAY, 2)

    def run(*partitions):
        tasks = [asyncio.ensure_future(pool.read("t", "tag", p, 0, 1_000)) for p in partitions]
        return pool, asyncio.gather(*tasks, return_exceptions=True)

    yield run
    pool.close()


async def test_partitions_that_failed_are_tried_one_at_a_time(read):
    """Any number of them leave consumers to the others."""
    for _ in range(2):
        pool, answers = read(0, 1, 2)
        assert {type(answer) for answer in await answers} == {BrokerUnavailable}
    pool, answers = read(0, 1, 2, 2)
    await asyncio.sleep(0)
    assert len(pool._idle) == 1
    assert {type(answer) for answer in await answers} == {BrokerUnavailable}


async def test_a_consumer_that_cannot_be_made_is_an_error_to_who_asked(caplog):
    """And takes no place in the pool: the next one is made again."""
    pool = CatchUpPool({**AWAY, "no.such.setting": "1"}, 1)
    for _ in range(3):
        with pytest.raises(Internal):
            await pool.read("t", "tag", 0, 0, 1_000)
    assert len(caplog.records) == 3
