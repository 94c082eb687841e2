"""What every LogReader does."""

import asyncio
import time

import pytest

from tailrace.core.errors import TopicNotFound
from tailrace.core.ports import LostPosition, NewRecord

PLENTY = 1_000_000


async def read_all(reader, topic, partition=0, offset=0, max_bytes=PLENTY):
    """Read on to the end; the records and the last block."""
    records = []
    while True:
        block = await reader.read(topic, partition, offset, max_bytes)
        records += block.chunk.records() if block.chunk else ()
        offset = block.next_offset
        if block.at_end:
            return records, block


async def test_records_come_in_order(cluster, reader):
    """A read from the beginning gives every record, with its offset, and knows the end."""
    topic = cluster.topic()
    cluster.append(topic, *(b"%d" % n for n in range(1_000)))
    records, last = await read_all(reader, topic)
    assert [(r.offset, r.value) for r in records] == [(n, b"%d" % n) for n in range(1_000)]
    assert last.next_offset == 1_000


async def test_a_slice_is_about_as_large_as_asked(cluster, reader):
    """A read stops after about its bytes, and the next goes on where it stopped."""
    topic = cluster.topic()
    cluster.append(topic, *(b"x" * 1_000 for _ in range(1_000)))
    block = await reader.read(topic, 0, 0, 10_000)
    assert 1 <= len(block.chunk) <= 100
    assert not block.at_end
    records, _ = await read_all(reader, topic, max_bytes=100_000)
    assert [r.offset for r in records] == list(range(1_000))


async def test_a_read_starts_in_the_middle(cluster, reader):
    """The first record is the one asked for."""
    topic = cluster.topic()
    cluster.append(topic, *(b"%d" % n for n in range(100)))
    records, _ = await read_all(reader, topic, offset=57)
    assert [r.offset for r in records] == list(range(57, 100))


async def test_twelve_partitions(cluster, reader):
    """Each partition has its own records."""
    topic = cluster.topic(12)
    for partition in range(12):
        cluster.append(topic, *(b"%d" % partition for _ in range(partition)), partition=partition)
    assert await reader.latest(topic) == {p: p for p in range(12)}
    for partition in range(12):
        records, _ = await read_all(reader, topic, partition)
        assert [(r.partition, r.value) for r in records] == [(partition, b"%d" % partition)] * partition


async def test_an_empty_topic_ends_at_once(cluster, reader):
    """Nothing is found, at offset 0, which is the end."""
    topic = cluster.topic()
    started = time.monotonic()
    block = await reader.read(topic, 0, 0, PLENTY)
    assert (block.chunk, block.next_offset, block.at_end) == (None, 0, True)
    assert time.monotonic() - started < 2


async def test_the_end_moves(cluster, reader):
    """A read at the end finds what came meanwhile."""
    topic = cluster.topic()
    cluster.append(topic, b"a")
    assert (await reader.read(topic, 0, 1, PLENTY)).at_end
    cluster.append(topic, b"b")
    records, last = await read_all(reader, topic, offset=1)
    assert [r.value for r in records] == [b"b"]
    assert last.next_offset == 2


async def test_any_bytes_come_out_as_they_went_in(cluster, reader):
    """Null is not empty, and neither keys nor values nor headers need be text."""
    topic = cluster.topic()
    headers = (("a", b"1"), ("a", None), ("b", b""), ("b", b"\xff\x00"))
    stored = [
        NewRecord(None, None, 0, 1_000),
        NewRecord(b"", b"", 0, 2_000),
        NewRecord(b"\x00\xff\n\r", b"\xfe", 0, 3_000, headers),
    ]
    cluster.store(topic, *stored)
    records, _ = await read_all(reader, topic)
    assert [(r.value, r.key, r.timestamp, tuple(r.headers)) for r in records] == [
        (s.value, s.key, s.timestamp, tuple(s.headers)) for s in stored
    ]


async def test_aborted_records_are_passed_over(cluster, reader):
    """They leave a hole, and the next offset lies behind the markers."""
    topic = cluster.topic()
    cluster.append(topic, b"a")
    cluster.begin(topic, b"x", b"y")
    cluster.abort(topic)
    cluster.append(topic, b"b")
    records, last = await read_all(reader, topic)
    assert [(r.offset, r.value) for r in records] == [(0, b"a"), (4, b"b")]
    assert last.next_offset == 5


async def test_only_aborted_records(cluster, reader):
    """Nothing is found, and the next offset is the end all the same."""
    topic = cluster.topic()
    cluster.begin(topic, b"x")
    cluster.abort(topic)
    block = await reader.read(topic, 0, 0, PLENTY)
    assert (block.chunk, block.next_offset, block.at_end) == (None, 2, True)
    assert await reader.latest(topic) == {0: 2}


async def test_an_open_transaction_ends_what_can_be_read(cluster, reader):
    """The end is the last stable offset, also for records behind the transaction's first."""
    topic = cluster.topic()
    cluster.append(topic, b"a")
    cluster.begin(topic, b"open")
    assert await reader.latest(topic) == {0: 1}
    records, last = await read_all(reader, topic)
    assert ([r.value for r in records], last.next_offset) == ([b"a"], 1)
    cluster.commit(topic)
    records, last = await read_all(reader, topic, offset=1)
    assert ([r.value for r in records], last.next_offset) == ([b"open"], 3)


async def test_a_position_before_the_log_is_lost(cluster, reader):
    """After a deletion the error tells what can still be read."""
    topic = cluster.topic()
    cluster.append(topic, *(b"%d" % n for n in range(10)))
    cluster.trim(topic, 6)
    assert await reader.earliest(topic) == {0: 6}
    with pytest.raises(LostPosition) as lost:
        await reader.read(topic, 0, 3, PLENTY)
    assert (lost.value.earliest, lost.value.latest) == (6, 10)
    assert [r.offset for r in (await read_all(reader, topic, offset=6))[0]] == [6, 7, 8, 9]


async def test_a_position_ahead_of_the_log_is_lost(cluster, reader):
    """An offset that is not there yet is an error too."""
    topic = cluster.topic()
    cluster.append(topic, b"a")
    with pytest.raises(LostPosition) as lost:
        await reader.read(topic, 0, 100, PLENTY)
    assert (lost.value.earliest, lost.value.latest) == (0, 1)


async def test_offsets_by_time(cluster, reader):
    """The first record at or after the moment, or the end."""
    topic = cluster.topic()
    cluster.store(topic, *(NewRecord(b"x", timestamp=1_000 * n) for n in range(1, 6)))
    assert await reader.offsets_at(topic, 2_500) == {0: 2}
    assert await reader.offsets_at(topic, 3_000) == {0: 2}
    assert await reader.offsets_at(topic, 9_000) == {0: 5}


async def test_unknown_topics_are_left_out_and_never_made(cluster, reader):
    """Asking does not make a topic."""
    known = cluster.topic(3)
    info = await reader.describe([known, "missing-topic"])
    assert (info[known].name, info[known].partitions, list(info)) == (known, 3, [known])
    with pytest.raises(TopicNotFound):
        await reader.latest("missing-topic")
    with pytest.raises(TopicNotFound):
        await reader.read("missing-topic", 0, 0, PLENTY)
    names = await reader.topic_names()
    assert known in names
    assert "missing-topic" not in names


async def test_a_topic_made_again_has_another_tag(cluster, reader):
    """And reads give the new topic's records."""
    topic = cluster.topic()
    cluster.append(topic, b"old", b"older")
    before = (await reader.describe([topic]))[topic]
    assert [r.value for r in (await read_all(reader, topic))[0]] == [b"old", b"older"]
    cluster.recreate(topic)
    cluster.append(topic, b"new")
    after = (await reader.describe([topic]))[topic]
    assert after.tag != before.tag
    assert [r.value for r in (await read_all(reader, topic))[0]] == [b"new"]


async def test_each_of_many_topics_asked_about_at_once_is_told_its_own(cluster, reader):
    """Also beside one that does not exist, and one of many partitions."""
    topics = {cluster.topic(): n for n in range(12)}
    for topic, count in topics.items():
        cluster.append(topic, *[b"x"] * count)
    wide = cluster.topic(60)
    # A partition that has taken a record has a leader: those of a new topic may be asked about too soon.
    for partition in (*range(60), 59):
        cluster.append(wide, b"x", partition=partition)
    asked = [*topics, wide, f"not-{wide}"]
    *ends, of_wide, of_none = await asyncio.gather(*map(reader.latest, asked), return_exceptions=True)
    assert ends == [{0: count} for count in topics.values()]
    assert of_wide == {**dict.fromkeys(range(60), 1), 59: 2}
    assert isinstance(of_none, TopicNotFound)
    described = await asyncio.gather(*(reader.describe([topic]) for topic in asked))
    assert [[info.partitions for info in found.values()] for found in described] == [[1]] * 12 + [[60], []]
