"""Pages of records on real Kafka: what is committed, each record once, and what retention took."""

import asyncio

import httpx
import pytest
from confluent_kafka import Producer, TopicPartition
from confluent_kafka.admin import AdminClient
from tests.live_gateway import TOKEN, live_gateway
from tests.transports.kafka_log import kafka_ports, store

from tailrace.core.ports import NewRecord

pytestmark = pytest.mark.kafka


class Pages:
    """Asks a gateway for pages of one topic."""

    def __init__(self, client, writer, topic):
        self.client, self.writer, self.topic = client, writer, topic

    async def __call__(self, **parameters):
        answer = await self.client.get(f"/v1/topics/{self.topic}/records", params=parameters)
        assert answer.status_code == 200, answer.text
        return answer.json()

    async def store(self, *values, partition=0):
        await store(self.writer, self.topic, [NewRecord(value, partition=partition) for value in values])


@pytest.fixture
async def pages(kafka, make_topic):
    """Pages of a topic of two partitions."""
    headers = {"authorization": f"Bearer {TOKEN}"}
    async with (
        kafka_ports(kafka.bootstrap_servers) as ports,
        live_gateway(ports) as live,
        httpx.AsyncClient(base_url=live.url, headers=headers, timeout=30) as client,
    ):
        yield Pages(client, ports.writer, make_topic(partitions=2))


def values(found):
    return [record["value"] for record in found["records"]]


def abort_some(servers, topic):
    """A transaction that leaves records nobody may see."""
    producer = Producer({"bootstrap.servers": servers, "transactional.id": f"pages-{topic}"})
    producer.init_transactions(20)
    producer.begin_transaction()
    for n in range(5):
        producer.produce(topic, b"%d" % -n, partition=n % 2)
    producer.flush(20)
    producer.abort_transaction(20)


async def test_pages_by_cursor_give_every_committed_record_once(kafka, pages):
    """Over partitions and aborted transactions, to an end that says so."""
    await pages.store(*[b"%d" % n for n in range(0, 20, 2)])
    await asyncio.to_thread(abort_some, kafka.bootstrap_servers, pages.topic)
    await pages.store(*[b"%d" % n for n in range(1, 20, 2)], partition=1)
    await asyncio.to_thread(abort_some, kafka.bootstrap_servers, pages.topic)
    seen, cursor, end = [], "beginning", False
    while not end:
        found = await pages(**{"from": cursor, "limit": 3})
        seen += values(found)
        cursor, end = found["cursor"], found["end"]
    assert sorted(seen) == list(range(20))
    assert (await pages(**{"from": cursor}))["records"] == []


async def test_records_that_were_deleted_are_gaps_each_with_its_cursor(kafka, pages):
    """One of each partition; who goes on from the first is told of the second."""
    for partition in (0, 1):
        await pages.store(*[b"%d" % n for n in range(5)], partition=partition)
    places = [TopicPartition(pages.topic, partition, 3) for partition in (0, 1)]
    admin = AdminClient({"bootstrap.servers": kafka.bootstrap_servers})
    for deleted in admin.delete_records(places).values():
        await asyncio.wait_for(asyncio.wrap_future(deleted), 20)
    found = await pages(**{"from": f"{pages.topic}:0@1,1@2"})
    first, second = found["gaps"]
    assert [(gap["from"], gap["to"], gap["cause"]) for gap in (first, second)] == [
        (1, 3, "retention"),
        (2, 3, "retention"),
    ]
    assert sorted(values(found)) == [3, 3, 4, 4]
    (again,) = (await pages(**{"from": first["cursor"]}))["gaps"]
    assert again["partition"] == second["partition"]


async def test_a_wait_ends_with_the_first_record(pages):
    """Long before its time is over."""
    waiting = asyncio.create_task(pages(**{"from": (await pages())["cursor"], "wait": 20}))
    await pages.store(b"7", partition=1)
    assert values(await asyncio.wait_for(waiting, 10)) == [7]
