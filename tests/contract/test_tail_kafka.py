"""What only real Kafka can do to a tail source and a reader."""

import asyncio
import struct
import time
from functools import partial

import pytest
from tests.contract.clusters import KafkaCluster, Listener, until

from tailrace.core.errors import BrokerUnavailable
from tailrace.kafka.reader import KafkaReader
from tailrace.kafka.reader_corrupt import behind_corrupt
from tailrace.kafka.tail import KafkaTail, Pace

pytestmark = pytest.mark.kafka

QUICK = Pace(balance_seconds=0.1, fresh_seconds=0.1, hot_records=20, cool_seconds=0.3)


@pytest.fixture
async def cluster(kafka):
    """The session's broker."""
    made = KafkaCluster(kafka.bootstrap_servers)
    yield made
    made.close()


def append_batches(cluster, topic, batches):
    """Batches of 300 records; within much smaller ones librdkafka gives away damaged records."""
    for batch in range(batches):
        cluster.append(topic, *(b"%02d-%017d" % (batch, n) for n in range(300)))


def damage(kafka, topic, batch):
    """Flip a byte in the records of a batch of partition 0; its first offset and the one behind it."""
    log = kafka.embedded.data_dir / "node-1" / "data" / f"{topic}-0" / f"{0:020}.log"
    data = bytearray(log.read_bytes())
    starts = [0]
    while (start := starts[-1]) < len(data):
        starts.append(start + 12 + struct.unpack_from(">i", data, start + 8)[0])
    start = starts[:-1][batch]
    with log.open("r+b") as file:
        file.seek(start + 61 + 5)
        file.write(bytes([data[start + 61 + 5] ^ 0xFF]))
    first = struct.unpack_from(">q", data, start)[0]
    return first, first + struct.unpack_from(">i", data, start + 23)[0] + 1


async def read_on(reader, topic):
    """Partition 0 from its beginning: the offsets of its records, and what was skipped."""
    offset, offsets, skipped, at_end = 0, [], [], False
    while not at_end:
        block = await reader.read(topic, 0, offset, 1_000_000)
        offsets += block.chunk.offsets if block.chunk else ()
        skipped += block.skipped
        offset, at_end = block.next_offset, block.at_end
    return offsets, skipped


async def test_topics_that_are_watched_one_after_another_are_read_while_they_come(cluster, listener):
    """Twenty, and twenty more: questions beside the polls took 23 s, and some were never read."""
    tail, slowest = KafkaTail(cluster.settings, listener), 0.0
    for _ in range(2):
        topics = [cluster.topic() for _ in range(20)]
        for topic in topics:
            cluster.append(topic, b"before")
            tail.watch(topic, {0: 1})
            await asyncio.sleep(0.005)
        for burst in range(1, 10):
            stored = time.monotonic()
            for topic in topics:
                cluster.append(topic, b"%d" % burst)
            await until(lambda: all(len(listener.values(topic)) == burst for topic in topics))  # noqa: B023 - awaited here
            slowest = max(slowest, time.monotonic() - stored)
    tail.close()
    assert slowest < 5


async def test_moving_between_consumers_loses_and_repeats_nothing(cluster, listener):
    """A topic that is hot, quiet and hot again is read whole, in order."""
    tail = KafkaTail(cluster.settings, listener, pace=QUICK)
    topic = cluster.topic(3)
    tail.watch(topic, dict.fromkeys(range(3), 0))
    consumers, sent = set(), 0
    for burst in range(150):
        for partition in range(3) if burst % 60 < 30 else ():
            cluster.append(topic, *(b"%d" % sent for _ in range(10)), partition=partition)
        sent += 10 if burst % 60 < 30 else 0
        consumers.add(tail._watched[topic].consumer.name)
        await asyncio.sleep(0.02)
    await until(lambda: len(listener.records) >= 3 * sent)
    tail.close()
    assert consumers == {"fresh", "hot-1", "cold-1"}
    for partition in range(3):
        offsets = [r.offset for r in listener.records if r.partition == partition]
        assert offsets == list(range(sent))


async def test_a_busy_loop_holds_the_tail_back(cluster):
    """What the loop has not worked off stays in Kafka, and comes when it has time."""

    class Slow(Listener):
        def on_chunk(self, chunk):
            time.sleep(0.005)
            super().on_chunk(chunk)

    listener = Slow()
    topic = cluster.topic()
    cluster.append(topic, *(b"%d" % n for n in range(20_000)))
    tail = KafkaTail(cluster.settings, listener)
    tail.watch(topic, {0: 0})
    await until(lambda: len(listener.records) >= 20_000)
    tail.close()
    assert [r.offset for r in listener.records] == list(range(20_000))


async def test_a_corrupt_batch_is_passed_over_by_the_tail(cluster, kafka, listener):
    """It is told as lost from its first record to its last, and what follows comes."""
    topic = cluster.topic(2)
    append_batches(cluster, topic, 4)
    first, behind = damage(kafka, topic, 2)
    tail = KafkaTail(cluster.settings, listener)
    tail.watch(topic, {0: 0, 1: 0})
    cluster.append(topic, b"other", partition=1)
    await until(lambda: len(listener.records) >= 1_201 - (behind - first))
    tail.close()
    assert listener.lost == [(topic, 0, first, "corrupt", behind)]
    offsets = [r.offset for r in listener.records if r.partition == 0]
    assert offsets == [*range(first), *range(behind, 1_200)]


async def test_a_corrupt_batch_is_passed_over_by_a_read(cluster, kafka):
    """The block says what was skipped, and reading goes on behind it."""
    topic = cluster.topic()
    append_batches(cluster, topic, 4)
    first, behind = damage(kafka, topic, 1)
    offsets, skipped = await read_on(cluster.reader(), topic)
    assert skipped == [(first, behind, "corrupt")]
    assert offsets == [*range(first), *range(behind, 1_200)]


async def test_a_corrupt_batch_at_the_end(cluster, kafka, listener):
    """The tail goes on at the end, where new records come."""
    topic = cluster.topic()
    append_batches(cluster, topic, 2)
    first, _ = damage(kafka, topic, -1)
    tail = KafkaTail(cluster.settings, listener)
    tail.watch(topic, {0: 0})
    await until(lambda: listener.lost)
    cluster.append(topic, b"d")
    await until(lambda: len(listener.records) > first)
    tail.close()
    assert listener.lost == [(topic, 0, first, "corrupt", 600)]
    assert [r.offset for r in listener.records] == [*range(first), 600]


async def test_good_records_between_two_corrupt_batches_are_read(cluster, kafka):
    """Each batch is a gap of its own; a search once jumped from the first one behind the second."""
    topic = cluster.topic()
    append_batches(cluster, topic, 1)
    cluster.append(topic, *(b"between-%02d" % n for n in range(10)))
    append_batches(cluster, topic, 2)
    damage(kafka, topic, 0)
    damage(kafka, topic, 2)
    offsets, skipped = await read_on(cluster.reader(), topic)
    assert skipped == [(0, 300, "corrupt"), (310, 610, "corrupt")]
    assert offsets == [*range(300, 310), *range(610, 910)]


async def test_a_search_that_takes_too_long_declares_nothing_lost(cluster, kafka):
    """A slow broker is asked again later; the rest of the log once counted as corrupt."""
    topic = cluster.topic()
    append_batches(cluster, topic, 4)
    first, behind = damage(kafka, topic, 1)
    search = partial(behind_corrupt, cluster.settings, topic, 0, first, 1_200)
    with pytest.raises(BrokerUnavailable):
        await asyncio.to_thread(search, time.monotonic() + 0.05)
    assert await asyncio.to_thread(search, time.monotonic() + 60) == behind


@pytest.mark.faults
async def test_a_broker_killed_and_started_again(kafka_cluster, listener, monkeypatch):
    """The tail goes on by itself, a read fails in time, and a later one succeeds."""
    monkeypatch.setattr("tailrace.kafka.reader_pool.READ_SECONDS", 2.0)
    kafka = kafka_cluster()
    cluster = KafkaCluster(kafka.bootstrap_servers)
    reader, tail = KafkaReader(cluster.settings), KafkaTail(cluster.settings, listener)
    topic = cluster.topic()
    cluster.append(topic, *(b"%d" % n for n in range(100)))
    tail.watch(topic, {0: 0})
    await until(lambda: len(listener.records) >= 100)
    kafka.kill()
    with pytest.raises(BrokerUnavailable):
        await reader.read(topic, 0, 0, 1_000_000)
    await asyncio.to_thread(kafka.start)
    cluster.append(topic, *(b"%d" % n for n in range(100, 200)))
    await until(lambda: len(listener.records) >= 200)
    block = await reader.read(topic, 0, 0, 1_000_000)
    tail.close()
    reader.close()
    assert [r.offset for r in listener.records] == list(range(200))
    assert len(block.chunk) > 0
    assert listener.lost == []
