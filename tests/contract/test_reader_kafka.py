"""What only real Kafka can do to a reader's questions."""

import asyncio

import pytest
from tests.contract.clusters import KafkaCluster

from tailrace.core.errors import BrokerUnavailable
from tailrace.kafka.admin import KafkaAdmin
from tailrace.kafka.settings import translate

pytestmark = pytest.mark.kafka


async def answer(reader, topic):
    """The ends, once the reader has found the broker again: within a few seconds, not minutes."""
    async with asyncio.timeout(10):
        while True:
            try:
                return await reader.latest(topic)
            except BrokerUnavailable:
                await asyncio.sleep(0.05)


@pytest.mark.faults
async def test_a_broker_started_again_can_be_asked_at_once(kafka_cluster):
    """Its partitions have new epochs; librdkafka's administrators keep the old ones for minutes."""
    kafka = kafka_cluster()
    cluster = KafkaCluster(kafka.bootstrap_servers)
    topic = cluster.topic()
    cluster.append(topic, b"a")
    reader = cluster.reader()
    admin = KafkaAdmin(translate({"bootstrap_servers": kafka.bootstrap_servers}))
    assert await reader.latest(topic) == {0: 1}
    assert admin.describe(topic).partitions[0].latest == 1
    kafka.restart()
    assert await answer(reader, topic) == {0: 1}
    assert admin.describe(topic).partitions[0].latest == 1
    cluster.close()
