"""The memory writer."""

import asyncio

import pytest

from tailrace.core.errors import BadRecord, BrokerUnavailable, TooLarge, TopicNotFound
from tailrace.core.ports import NewRecord, Stored
from tailrace.memory import MemoryLog, MemoryWriter


@pytest.fixture
def log():
    """A log with one topic of two partitions."""
    made = MemoryLog()
    made.create("t", 2)
    return made


def write(log, *records, topic="t"):
    """What becomes of the records."""
    outcomes = []
    MemoryWriter(log, lambda turn: turn()).append(topic, records, outcomes.extend)
    return outcomes


def test_records_are_stored_in_order(log):
    """Each outcome says where."""
    stored = write(log, *(NewRecord(b"x", partition=0, timestamp=n) for n in range(3)))
    assert stored == [Stored(0, n, n) for n in range(3)]


def test_a_key_keeps_to_its_partition(log):
    """The same key goes to the same one."""
    stored = write(log, *(NewRecord(b"x", key=b"k") for _ in range(5)))
    assert len({s.partition for s in stored}) == 1


@pytest.mark.parametrize(
    ("record", "topic", "error"),
    [
        (NewRecord(b"x", partition=2), "t", BadRecord),
        (NewRecord(b"x" * 2_000_000), "t", TooLarge),
        (NewRecord(b"x"), "missing", TopicNotFound),
    ],
)
def test_what_cannot_be_stored_is_an_outcome(log, record, topic, error):
    """The error stands in its place."""
    assert [type(outcome) for outcome in write(log, record, topic=topic)] == [error]


def test_a_broker_away_is_an_outcome(log):
    """Nothing is stored."""
    log.away = True
    assert isinstance(write(log, NewRecord(b"x"))[0], BrokerUnavailable)
    assert log.topic("t").partitions[0].end == 0


async def test_a_full_writer_takes_fewer(log):
    """And says when there is room again."""
    turns = []
    writer = MemoryWriter(log, turns.append, capacity=2)
    assert writer.append("t", [NewRecord(b"x")] * 3, lambda outcomes: None) == 2
    assert writer.append("t", [NewRecord(b"x")], lambda outcomes: None) == 0
    waiting = asyncio.ensure_future(writer.writable())
    await asyncio.sleep(0)
    assert not waiting.done()
    turns.pop()()
    await waiting
    assert writer.append("t", [NewRecord(b"x")], lambda outcomes: None) == 1
