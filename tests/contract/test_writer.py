"""What a writer promises, in memory and on real Kafka."""

import asyncio
import contextlib
import os

import pytest
from tests.contract.clusters import DEADLINE, MemoryCluster

from tailrace.core.errors import BadRecord, TooLarge, TopicNotFound
from tailrace.core.ports import NewRecord, Stored
from tailrace.kafka.settings import translate
from tailrace.kafka.writer import KafkaWriter
from tailrace.memory import MemoryWriter


def open_writer(cluster, most=1000):
    """A writer on the cluster that takes so many records at a time."""
    if isinstance(cluster, MemoryCluster):
        return MemoryWriter(cluster.log, asyncio.get_running_loop().call_soon, most)
    return KafkaWriter(translate(cluster.settings), most_records=most)


@pytest.fixture
async def writer(cluster):
    """A writer that is closed at the end."""
    made = open_writer(cluster)
    yield made
    await made.close()


async def store(writer, topic, *records, linger=False):
    """The outcomes of records that all fit."""
    done = asyncio.get_running_loop().create_future()
    assert writer.append(topic, records, done.set_result, linger=linger) == len(records)
    async with asyncio.timeout(DEADLINE):
        return await done


async def read(cluster, topic, partition=0):
    """All records of a partition."""
    reader, records, at = cluster.reader(), [], 0
    async with asyncio.timeout(DEADLINE):
        while True:
            block = await reader.read(topic, partition, at, 1 << 20)
            records += block.chunk.records() if block.chunk else ()
            at = block.next_offset
            if block.at_end:
                return records


@pytest.mark.parametrize("linger", [False, True])
async def test_outcomes_are_the_places_in_order(cluster, writer, linger):
    """Each record's partition and offset, as they were given."""
    topic = cluster.topic()
    records = [NewRecord(b"%d" % n, partition=0) for n in range(700)]
    outcomes = await store(writer, topic, *records, linger=linger)
    assert [(o.partition, o.offset) for o in outcomes] == [(0, n) for n in range(700)]
    assert [r.value for r in await read(cluster, topic)] == [r.value for r in records]


@pytest.mark.parametrize("linger", [False, True])
async def test_what_is_stored_is_what_was_given(cluster, writer, linger):
    """Null, empty and any bytes; headers in order with repeats; the timestamp."""
    topic = cluster.topic()
    headers = (("a", b"\xff"), ("a", None), ("", b""))
    given = [
        NewRecord(None, None),
        NewRecord(b"", b""),
        NewRecord(bytes(range(256)), b"\x00\xff", timestamp=1_700_000_000_123),
        NewRecord(b"v", b"k", 0, 1_700_000_000_124, headers),
    ]
    outcomes = await store(writer, topic, *given, linger=linger)
    found = await read(cluster, topic)
    assert [(r.key, r.value, tuple(r.headers)) for r in found] == [(r.key, r.value, r.headers) for r in given]
    assert [r.timestamp for r in found] == [o.timestamp for o in outcomes]
    assert [o.timestamp for o in outcomes[2:]] == [1_700_000_000_123, 1_700_000_000_124]


async def test_a_named_partition_is_taken(cluster, writer):
    """And without one, the same key always goes to the same."""
    topic = cluster.topic(partitions=3)
    named = await store(writer, topic, *(NewRecord(b"v", partition=p) for p in (2, 0, 1)))
    assert [o.partition for o in named] == [2, 0, 1]
    keyed = await store(writer, topic, *(NewRecord(b"v", b"same") for _ in range(5)))
    assert len({o.partition for o in keyed}) == 1


async def test_keys_go_where_javas_client_sends_them(cluster, writer):
    """Services that read and write the same keys depend on it."""
    topic = cluster.topic(partitions=12)
    keys = [b"21", b"foobar", b"a-little-bit-long-string", b"abc", b"", b"\x00\xff", b"user-1", b"user-22"]
    outcomes = await store(writer, topic, *(NewRecord(b"v", key) for key in keys))
    assert [o.partition for o in outcomes] == [0, 6, 8, 3, 9, 1, 8, 3]


async def test_a_missing_topic_is_told_and_never_made(cluster, writer):
    """The embedded broker would make one at the first use."""
    outcomes = await store(writer, "not-there", NewRecord(b"1"), NewRecord(b"2"))
    assert [type(o) for o in outcomes] == [TopicNotFound] * 2
    assert "not-there" not in await cluster.reader().describe(["not-there"])


async def test_a_name_that_no_topic_can_have_is_not_found(cluster, writer):
    """A leading ^ must never become a pattern."""
    outcomes = await store(writer, "^a b", NewRecord(b"1"))
    assert [type(o) for o in outcomes] == [TopicNotFound]


async def test_a_wrong_record_harms_no_other(cluster, writer):
    """A partition that is not there, a record above the broker's limit even compressed."""
    topic = cluster.topic()
    outcomes = await store(
        writer,
        topic,
        NewRecord(b"1"),
        NewRecord(b"2", partition=9),
        NewRecord(os.urandom(2 << 20)),
        NewRecord(b"4"),
    )
    assert [type(o) for o in outcomes] == [Stored, BadRecord, TooLarge, Stored]
    assert [r.value for r in await read(cluster, topic)] == [b"1", b"4"]


@pytest.mark.parametrize("linger", [False, True])
async def test_at_the_bound_fewer_are_taken_and_room_is_told(cluster, linger):
    """From the front; none is lost when the rest follows."""
    topic, writer = cluster.topic(), open_writer(cluster, most=10)
    told = []
    rest = [NewRecord(b"%d" % n) for n in range(35)]
    rest = rest[writer.append(topic, rest, told.extend, linger=linger) :]
    assert len(rest) == 25
    assert writer.append(topic, rest, told.extend, linger=linger) == 0
    async with asyncio.timeout(DEADLINE):
        while rest:
            await writer.writable()
            rest = rest[writer.append(topic, rest, told.extend, linger=linger) :]
        await writer.close()
    assert [o.offset for o in told] == list(range(35))


async def test_nothing_taken_tells_nothing(cluster, writer):
    """An empty append is no append."""
    told = []
    assert writer.append(cluster.topic(), [], told.append) == 0
    await writer.close()
    assert told == []


async def test_on_done_is_never_called_from_within_append(cluster, writer):
    """A caller may hold state that its `on_done` changes."""
    told = []
    for _ in range(20):
        before = len(told)
        writer.append("not-there", [NewRecord(b"1")], told.append)
        assert len(told) == before
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(0):
                await writer.writable()
    await writer.close()
    assert len(told) == 20


async def test_closing_stores_what_was_taken(cluster):
    """Every record taken before has its outcome when close returns."""
    topic, writer = cluster.topic(), open_writer(cluster)
    told = []
    writer.append(topic, [NewRecord(b"v")] * 500, told.extend, linger=True)
    await writer.close()
    assert [type(o) for o in told] == [Stored] * 500
