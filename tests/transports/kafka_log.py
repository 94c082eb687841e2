"""The ports on real Kafka, and records stored through them."""

import asyncio
import contextlib
from functools import partial

from tests.live_gateway import Ports

from tailrace.kafka.admin import KafkaAdmin
from tailrace.kafka.reader import KafkaReader
from tailrace.kafka.settings import client_config, reading_config, translate
from tailrace.kafka.tail import KafkaTail
from tailrace.kafka.writer import KafkaWriter


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
