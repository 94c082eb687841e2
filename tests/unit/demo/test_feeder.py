"""The feeder, on the log in memory."""

import asyncio
from contextlib import asynccontextmanager

import pytest

from tailrace.demo.feeder import PACE, feed
from tailrace.demo.readings import READINGS, TOPICS
from tailrace.memory.log import MemoryLog
from tailrace.memory.writer import MemoryWriter

QUICK = {"weather": 5_000, "airports": 5_000}
DEADLINE_S = 5


@pytest.fixture
def log():
    """A cluster with the demo's topics."""
    log = MemoryLog()
    for topic in TOPICS:
        log.create(topic.name, topic.partitions)
    return log


@asynccontextmanager
async def feeding(log, pace=QUICK, **writer):
    """The feeder at work."""
    task = asyncio.create_task(feed(MemoryWriter(log, asyncio.get_running_loop().call_soon, **writer), pace))
    yield task
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)


async def until(condition):
    """Wait for something to become true."""
    async with asyncio.timeout(DEADLINE_S):
        while not condition():  # noqa: ASYNC110  # what is waited for has no event of its own
            await asyncio.sleep(0.005)


def stored(log, topic):
    """The records of a topic by partition."""
    return [p.records for p in log.topic(topic).partitions]


async def test_it_fills_each_topic_over_its_partitions(log):
    """Records arrive in every topic of the pace, keys spread over partitions."""
    async with feeding(log):
        await until(lambda: all(stored(log, "airports")) and any(stored(log, "weather")))
    assert not any(stored(log, "employment"))


async def test_the_records_of_a_key_keep_their_order(log):
    """A city's readings are stored as they stand in the file."""
    async with feeding(log, {"weather": 5_000}):
        await until(lambda: sum(map(len, stored(log, "weather"))) > 1_500)
    seattle = [r.value for rows in stored(log, "weather") for r in rows if r.key == b"Seattle"]
    expected = [r.value for r in READINGS["weather"]() if r.key == b"Seattle"]
    assert seattle == expected[: len(seattle)]


async def test_it_keeps_its_pace(log):
    """A topic gets no more than its rate, plus one step."""
    loop = asyncio.get_running_loop()
    start = loop.time()
    async with feeding(log, {"weather": 200}):
        await until(lambda: loop.time() - start > 0.5)
    assert 40 <= sum(map(len, stored(log, "weather"))) <= 140


async def test_a_small_writer_only_slows_it(log):
    """With room for seven records at a time every record is stored still, in order."""
    async with feeding(log, {"airports": 5_000}, capacity=7):
        await until(lambda: sum(map(len, stored(log, "airports"))) > 500)
    keys = {r.key for rows in stored(log, "airports") for r in rows}
    first = [r.key for _, r in zip(range(500), READINGS["airports"](), strict=False)]
    assert set(first) <= keys


async def test_it_waits_while_the_broker_is_away(log, caplog):
    """A broker that comes back is fed again."""
    log.away = True
    async with feeding(log, {"weather": 100}) as task:
        await until(lambda: "weather waits" in caplog.text)
        log.away = False
        await until(lambda: any(stored(log, "weather")))
        assert not task.done()


async def test_a_deleted_topic_is_left_alone(log, caplog):
    """The other topics go on, and one line says why this one does not."""
    log.delete("weather")
    async with feeding(log):
        await until(lambda: any(stored(log, "airports")))
    assert "weather is fed no more" in caplog.text


def test_the_topic_of_the_page_is_not_fed():
    """`demo` holds only what the page sends."""
    assert "demo" not in PACE
    assert set(PACE) == {t.name for t in TOPICS}
