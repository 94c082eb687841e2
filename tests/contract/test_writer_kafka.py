"""What can happen to a writer on real Kafka only: topics that change, a broker that is away."""

import asyncio
import os
import time
import uuid

import pytest
from tests.contract.clusters import DEADLINE, KafkaCluster
from tests.contract.test_writer import open_writer, read, store

from tailrace.core.errors import (
    BadRecord,
    BrokerUnavailable,
    Stopping,
    TailraceError,
    TopicNotFound,
    Unavailable,
    UnknownOutcome,
)
from tailrace.core.ports import NewRecord, NewTopic, Stored
from tailrace.kafka.admin import KafkaAdmin
from tailrace.kafka.settings import ClientSettings, translate
from tailrace.kafka.writer import KafkaWriter

pytestmark = pytest.mark.kafka


@pytest.fixture
def cluster(kafka):
    """The session's node, as `open_writer` and `read` want it."""
    made = KafkaCluster(kafka.bootstrap_servers)
    yield made
    made.close()


@pytest.fixture
def admin(kafka):
    """To change topics under the writer."""
    return KafkaAdmin(translate({"bootstrap_servers": kafka.bootstrap_servers}))


@pytest.fixture
async def writer(cluster):
    """A writer that is closed at the end."""
    made = open_writer(cluster)
    yield made
    await made.close()


@pytest.mark.parametrize("linger", [False, True])
async def test_a_deleted_topic_is_noticed_and_one_made_again_is_written(cluster, admin, writer, linger):
    """Within seconds, not when its metadata expire."""
    topic = cluster.topic()
    assert type((await store(writer, topic, NewRecord(b"1"), linger=linger))[0]) is Stored
    await asyncio.to_thread(admin.delete, topic)
    start = time.monotonic()
    outcome = (await store(writer, topic, NewRecord(b"2"), linger=linger))[0]
    if isinstance(outcome, BrokerUnavailable):
        # Seldom the client takes the topic's end for lost sequences; whoever sends again learns what it was.
        outcome = (await store(writer, topic, NewRecord(b"2"), linger=linger))[0]
    assert type(outcome) is TopicNotFound
    assert time.monotonic() - start < 10
    await asyncio.to_thread(admin.create, [NewTopic(topic, 1)])
    assert (await store(writer, topic, NewRecord(b"3"), linger=linger))[0].offset == 0


async def test_a_topic_made_again_unnoticed_takes_records(cluster, admin, writer):
    """The producer's sequence numbers belong to the old one."""
    topic = cluster.topic()
    for _ in range(3):
        await store(writer, topic, *[NewRecord(b"old")] * 10)
    await asyncio.to_thread(admin.delete, topic)
    await asyncio.to_thread(admin.create, [NewTopic(topic, 1)])
    outcome = (await store(writer, topic, NewRecord(b"new")))[0]
    assert outcome.offset == 0
    assert [r.value for r in await read(cluster, topic)] == [b"new"]


async def test_a_partition_added_is_found_when_it_is_named(cluster, admin, writer):
    """It is asked for once before a record is refused for it."""
    topic = cluster.topic()
    await store(writer, topic, NewRecord(b"1"))
    await asyncio.to_thread(admin.grow, topic, 3)
    outcome = None
    async with asyncio.timeout(DEADLINE):
        # Knowledge younger than half a second is believed, so that clients cannot make us ask for ever.
        while not isinstance(outcome, Stored):
            outcome = (await store(writer, topic, NewRecord(b"2", partition=2)))[0]
    assert outcome.partition == 2
    refused = (await store(writer, topic, NewRecord(b"3", partition=7)))[0]
    assert type(refused) is BadRecord


@pytest.mark.parametrize("timestamp", [0, -1, -5, 2**63])
async def test_a_timestamp_that_would_become_another_is_refused(cluster, writer, timestamp):
    """The client takes 0 as now."""
    outcomes = await store(writer, cluster.topic(), NewRecord(b"1", timestamp=timestamp))
    assert isinstance(outcomes[0], TailraceError)


@pytest.mark.parametrize("linger", [False, True])
async def test_with_no_broker_the_topic_cannot_be_asked_for(linger):
    """Nothing was stored, and it is said within the deadline."""
    writer = KafkaWriter(translate({"bootstrap_servers": "127.0.0.1:1"}))
    outcomes = await store(writer, "any", NewRecord(b"1"), linger=linger)
    assert type(outcomes[0]) is BrokerUnavailable
    assert outcomes[0].retry_after
    await writer.close()


@pytest.mark.parametrize("linger", [False, True])
async def test_a_broker_killed_and_started_again(kafka_cluster, linger):
    """What waited too long has an unknown outcome; afterwards all goes on with the same writer."""
    kafka = kafka_cluster()
    client = translate({"bootstrap_servers": kafka.bootstrap_servers, "message.timeout.ms": 2000})
    topic = f"t-{uuid.uuid4().hex[:12]}"
    await asyncio.to_thread(KafkaAdmin(client).create, [NewTopic(topic, 1)])
    writer = KafkaWriter(client)
    await store(writer, topic, NewRecord(b"1"), linger=linger)
    await asyncio.to_thread(kafka.kill)
    away = await store(writer, topic, *[NewRecord(b"2")] * 50, linger=linger)
    assert {type(o) for o in away} == {UnknownOutcome}
    await asyncio.to_thread(kafka.start)
    back = (await store(writer, topic, NewRecord(b"3"), linger=linger))[0]
    while not isinstance(back, Stored):  # leaders may take longer than the record's 2 s
        assert isinstance(back, Unavailable)
        back = (await store(writer, topic, NewRecord(b"3"), linger=linger))[0]
    await writer.close()


async def test_closing_with_the_broker_away_ends_with_an_outcome_for_all(kafka_cluster):
    """Within the deadline; what was never sent is not stored."""
    kafka = kafka_cluster()
    client = translate({"bootstrap_servers": kafka.bootstrap_servers})
    topic = f"t-{uuid.uuid4().hex[:12]}"
    await asyncio.to_thread(KafkaAdmin(client).create, [NewTopic(topic, 1)])
    writer = KafkaWriter(client, close_seconds=0.5)
    await store(writer, topic, NewRecord(b"1"))
    await asyncio.to_thread(kafka.kill)
    told = []
    writer.append(topic, [NewRecord(b"2")] * 20, told.extend)
    start = time.monotonic()
    await writer.close()
    assert time.monotonic() - start < 5
    assert len(told) == 20
    assert all(isinstance(o, Unavailable) for o in told)


async def test_after_closing_nothing_is_stored(cluster, writer):
    """And that is an outcome too."""
    await writer.close()
    told = []
    writer.append(cluster.topic(), [NewRecord(b"1")], told.extend)
    await asyncio.sleep(0)
    assert [type(o) for o in told] == [Stopping]


@pytest.mark.parametrize("linger", [False, True])
async def test_a_producer_that_can_never_send_again_is_replaced(cluster, linger, caplog):
    """The guarantee that users cannot turn on makes a refused record fatal, as lost sequences are."""
    client = ClientSettings({**cluster.settings, "enable.gapless.guarantee": True})
    topic, writer = cluster.topic(), KafkaWriter(client)
    await store(writer, topic, NewRecord(b"1"), linger=linger)
    refused = (await store(writer, topic, NewRecord(os.urandom(2 << 20)), linger=linger))[0]
    assert isinstance(refused, TailraceError)
    outcome = None
    async with asyncio.timeout(DEADLINE):
        while not isinstance(outcome, Stored):
            outcome = (await store(writer, topic, NewRecord(b"2"), linger=linger))[0]
    await writer.close()
    assert "can never send again" in caplog.text
