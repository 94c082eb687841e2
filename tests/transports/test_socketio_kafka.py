"""The namespace on real Kafka, with several partitions."""

import asyncio
import contextlib
from functools import partial

import pytest
from confluent_kafka import Consumer
from tests.live_gateway import Ports, live_gateway
from tests.transports.socketio_clients import Recorder

from tailrace.core.ports import NewRecord
from tailrace.kafka.admin import KafkaAdmin
from tailrace.kafka.reader import KafkaReader
from tailrace.kafka.settings import client_config, reading_config, translate
from tailrace.kafka.tail import KafkaTail
from tailrace.kafka.writer import KafkaWriter
from tailrace.settings import Settings, SocketIO

pytestmark = pytest.mark.kafka


@contextlib.asynccontextmanager
async def kafka_ports(servers):
    client = translate({"bootstrap_servers": servers})
    reading = reading_config(client)
    reader = KafkaReader(reading, asking=client_config(client))
    writer = KafkaWriter(client)
    yield Ports(reader, writer, KafkaAdmin(client), partial(KafkaTail, reading))
    await writer.close()
    reader.close()


async def store(writer, topic, records):
    done = asyncio.get_running_loop().create_future()
    assert writer.append(topic, records, done.set_result, linger=True) == len(records)
    await asyncio.wait_for(done, 20)


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
