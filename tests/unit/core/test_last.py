"""The last N records over all partitions: which they are, and what it takes to find them."""

import random

import pytest

from tailrace.core import last
from tailrace.core.errors import BrokerUnavailable, Overloaded
from tailrace.core.ports import NewRecord


async def last_of(core, count, topic="t"):
    earliest, latest = await core.reader.earliest(topic), await core.reader.latest(topic)
    return await last.last_positions(core.reader, topic, count, earliest, latest)


def fill(core, topic, records, seed=0):
    """Records of three partitions with holes between them, by times that go back now and then."""
    chance = random.Random(seed)
    core.log.create(topic, 3)
    for n in range(records):
        partition = chance.choice((0, 0, 1, 2))
        core.log.store(topic, partition, NewRecord(b"1", timestamp=n + chance.randrange(20)))
        core.log.hole(topic, partition, chance.choice((0, 0, 1, 300)))


def one_by_one(core, topic, count):
    """The same, found the long way: again and again the partition whose last record is the newest."""
    rows = {p: list(part.records) for p, part in enumerate(core.log.topic(topic).partitions)}
    found = {p: part.latest for p, part in enumerate(core.log.topic(topic).partitions)}
    for _ in range(count):
        ends = [(-of[-1].timestamp, p) for p, of in rows.items() if of]
        if ends:
            newest = min(ends)[1]
            found[newest] = rows[newest].pop().offset
    return found


@pytest.mark.parametrize("count", [0, 1, 5, 30, 100, 1000])
@pytest.mark.parametrize("least", [1, 3, 500])
async def test_the_last_n_over_partitions_with_holes(core, monkeypatch, count, least):
    """By timestamp, each partition's order kept, however little is looked at together."""
    monkeypatch.setattr(last, "LEAST_ROWS", least)
    fill(core, "u", 200)
    assert await last_of(core, count, "u") == one_by_one(core, "u", count)


async def test_finding_many_costs_about_as_many_records_whatever_the_partitions(core, monkeypatch):
    """Not as many of every partition: neither read nor kept."""
    monkeypatch.setattr(last, "READ_BYTES", 20_000)
    core.log.create("u", 12)
    for partition in range(12):
        core.log.append("u", *[b"1"] * 6000, partition=partition)
    read, rows = core.reader.read, 0

    async def counting(*args):
        nonlocal rows
        block = await read(*args)
        rows += len(block.chunk or ())
        return block

    core.reader.read = counting
    found = await last_of(core, 6000, "u")
    assert found == {**dict.fromkeys(range(11), 6000), 11: 0}
    assert rows < 3 * 6000


async def test_what_can_not_be_found_in_time_is_refused(core, monkeypatch):
    """Who waits for the stream would otherwise ask again and again, each time from the start."""
    monkeypatch.setattr(last, "FIND_SECONDS", -1.0)
    core.log.append("t", b"1")
    with pytest.raises(Overloaded, match="not found in"):
        await last_of(core, 1)


async def test_a_start_of_one_topic_that_fails_is_told_as_it_is(core):
    """The partitions are looked at in tasks of their own; their failure is no group of failures."""
    core.log.append("t", b"1")
    core.log.away = True
    with pytest.raises(BrokerUnavailable):
        await last.last_positions(core.reader, "t", 1, {0: 0, 1: 0}, {0: 1, 1: 0})
