"""The namespace on real Kafka, with several partitions."""

import pytest
from confluent_kafka import Consumer
from tests.live_gateway import live_gateway
from tests.transports.kafka_log import kafka_ports, store
from tests.transports.socketio_clients import Recorder

from tailrace.core.ports import NewRecord
from tailrace.settings import Settings, SocketIO

pytestmark = pytest.mark.kafka


async def test_texts_are_stored_and_all_partitions_listed(kafka, make_topic):
    """What was there before and what is sent come in the order of time, and no group is made."""
    topic = make_topic(partitions=3)
    async with kafka_ports(kafka.bootstrap_servers) as ports:
        before = [NewRecord(b"%d" % n, partition=n % 3, timestamp=1_000_000 + n) for n in range(3000)]
        await store(ports.writer, topic, [*before, NewRecord(None, partition=0, timestamp=2_000_000)])
        async with live_gateway(ports, Settings(socketio=SocketIO(topic=topic))) as live:
            client = await Recorder().connect(live.url, transports=["websocket"])
            await client.emit("kafkaproducer", "über Kafka")
            events = await client.until(lambda events: events[-1] == ("kafkaconsumer", "über Kafka"))
            await client.close()
    assert events[1:4] == [
        ("logs", "Added über Kafka to topic"),
        ("kafkaproducer", "über Kafka"),
        ("kafkaconsumer1", ""),
    ]
    assert client.values() == [*[str(n) for n in range(3000)], None, "über Kafka"]
    assert stored_key(kafka.bootstrap_servers, topic, b"\xc3\xbcber Kafka").count(b"-") == 4


def stored_key(servers, topic, value):
    consumer = Consumer({"bootstrap.servers": servers, "group.id": "look", "auto.offset.reset": "earliest"})
    consumer.subscribe([topic])
    try:
        for _ in range(4000):
            message = consumer.poll(10)
            if message is not None and message.value() == value:
                return message.key()
    finally:
        consumer.close()
    raise AssertionError("the record is not there")
