"""What a cluster that has lost one of its nodes does to those who read the partitions that are left."""

import asyncio
import os
import signal
import time
from pathlib import Path

import pytest
from confluent_kafka import Producer
from confluent_kafka.admin import AdminClient
from confluent_kafka.cimpl import NewTopic
from tests.contract.clusters import Listener, until
from tests.faults.conftest import Follower, GatewayProcess, wait_for

from tailrace.core.errors import BrokerUnavailable
from tailrace.core.ports import PartitionsUnavailable
from tailrace.kafka.reader import KafkaReader
from tailrace.kafka.tail import KafkaTail

pytestmark = [pytest.mark.kafka, pytest.mark.faults, pytest.mark.timeout(180)]

TOPIC = "lost"
LOST_NODE = 3


class LosingCluster:
    """Three nodes and a topic with a partition on each: 0 on the first, 2 on the one that will be lost."""

    def __init__(self, kafka):
        self.kafka = kafka
        self.settings = {"bootstrap.servers": kafka.bootstrap_servers, "log_level": 0}
        self.admin = AdminClient(self.settings)
        self.make(TOPIC, [[1], [2], [LOST_NODE]])
        # It knows the leaders before one of them is lost, and has nothing to ask of that one later.
        self.producer = Producer(self.settings)
        self.producer.list_topics(TOPIC, timeout=20)

    def make(self, name, assignment):
        topic = NewTopic(name, num_partitions=len(assignment), replica_assignment=assignment)
        self.admin.create_topics([topic], operation_timeout=20)[name].result(20)

    def store(self, partition, *values, topic=TOPIC):
        for value in values:
            self.producer.produce(topic, value, partition=partition)
        assert self.producer.flush(30) == 0

    def commit(self, topic, partitions):
        producer = Producer({**self.settings, "transactional.id": "one"})
        producer.init_transactions(20)
        producer.begin_transaction()
        for partition in partitions:
            producer.produce(topic, b"committed", partition=partition)
        producer.commit_transaction(20)

    def leader(self, partition):
        return self.admin.list_topics(TOPIC, timeout=10).topics[TOPIC].partitions[partition].leader

    def lose(self):
        self.kafka.embedded.kill_node(LOST_NODE)
        wait_for(lambda: self.leader(2) == -1, what="the controller's notice")

    def freeze(self):
        """The node says nothing more but is not gone: it leads on until the controller misses it."""
        supervisor = self.kafka.embedded._nodes[LOST_NODE]._process.pid
        children = Path(f"/proc/{supervisor}/task/{supervisor}/children").read_text()
        os.kill(int(children.split()[0]), signal.SIGSTOP)

    def take_back(self):
        self.kafka.embedded.start_node(LOST_NODE)


@pytest.fixture
def losing(kafka_cluster):
    return LosingCluster(kafka_cluster(3))


@pytest.fixture
def reader(losing):
    made = KafkaReader(losing.settings)
    yield made
    made.close()


@pytest.fixture
def gateway(losing, tmp_path):
    started = GatewayProcess(losing.kafka.bootstrap_servers, tmp_path / "gateway.log")
    started.start()
    yield started
    started.stop()


async def what_is_left(question):
    """What is known in spite of the lost node; a client that took that one for the controller fails first."""
    end = time.monotonic() + 30
    while True:
        began = time.monotonic()
        try:
            await question(TOPIC)
        except PartitionsUnavailable as some:
            return some
        except BrokerUnavailable:
            assert time.monotonic() < end
        finally:
            assert time.monotonic() - began < 16


async def test_questions_are_answered_about_the_partitions_that_are_left(losing, reader):
    """The error says which one could not be asked and has the others' offsets, also during an election."""
    for partition in range(3):
        losing.store(partition, b"1", b"2")
    assert await reader.latest(TOPIC) == {0: 2, 1: 2, 2: 2}
    losing.kafka.embedded.kill_node(LOST_NODE)
    for _ in range(3):
        for question in (reader.latest, reader.earliest, lambda topic: reader.offsets_at(topic, 2**41)):
            assert set((await what_is_left(question)).known) == {0, 1}
    losing.take_back()
    wait_for(lambda: losing.leader(2) != -1)
    assert (await reader.latest(TOPIC))[2] == 2


def test_streams_and_pages_begin_while_a_partition_has_no_leader(losing, gateway):
    """They have what the other partitions bring, and the lost one's records once it is back."""
    started = []

    def follow(start):
        started.append(Follower(gateway.port, f"topic={TOPIC}", "sse", start=start))
        started[-1].start()
        return started[-1]

    try:
        for partition in range(3):
            losing.store(partition, b"1", b"2")
        first = follow("beginning")
        wait_for(lambda: len(first.taken) == 6, what="all records")
        losing.lose()
        page = f"/v1/topics/{TOPIC}/records?from=end"
        wait_for(lambda: gateway.ask("GET", page)[0] == 200, what="the election of a controller")
        readers = [follow(start) for start in ("end", first.cursor, "beginning")]
        wait_for(lambda: all(r.connects == 1 for r in readers), what="the streams")
        wait_for(lambda: len(readers[2].taken) >= 4, 10, "what is left")
        losing.store(0, b"3")
        wait_for(lambda: all((0, 2, 3) in r.taken for r in (first, *readers)), 10, "a new record")
        losing.take_back()
        losing.store(2, b"4")
        wait_for(lambda: all((2, 2, 4) in r.taken for r in (first, *readers)), what="the lost one's")
    finally:
        for follower in started:
            follower.wanted = False
    assert [len(r.taken) for r in (first, *readers)] == [8, 2, 2, 8]
    assert not any(r.gaps() for r in (first, *readers))


async def test_partitions_without_a_leader_keep_no_consumer_from_the_others(losing, reader):
    """Their reads fail at once; more of them than there are consumers once held all of these for 30 s."""
    losing.make("away", [[LOST_NODE]] * 8)
    losing.store(0, b"1")
    losing.lose()
    for _ in range(3):
        began = time.monotonic()
        lost = [reader.read("away", partition, 0, 1_000) for partition in range(8)]
        *failed, block = await asyncio.gather(*lost, reader.read(TOPIC, 0, 0, 1_000), return_exceptions=True)
        assert all(isinstance(error, BrokerUnavailable) for error in failed)
        assert len(block.chunk) == 1
        assert time.monotonic() - began < 5


async def test_a_leader_that_says_nothing_holds_no_tail_up(losing):
    """A marker at each one's end looks like an open transaction; asking once took 3 s of all topics."""
    losing.make("away", [[LOST_NODE]] * 8)
    listener, slowest = Listener(), 0.0
    tail = KafkaTail(losing.settings, listener)
    tail.watch("away", dict.fromkeys(range(8), 0))
    tail.watch(TOPIC, dict.fromkeys(range(3), 0))
    losing.commit("away", range(8))
    await until(lambda: len(listener.records) >= 8)
    losing.freeze()
    end, sent = time.monotonic() + 12, 0
    while time.monotonic() < end:
        losing.store(0, b"%d" % sent)
        sent, stored = sent + 1, time.monotonic()
        await until(lambda: len(listener.values(TOPIC)) >= sent)  # noqa: B023 - it is over before the next turn
        slowest = max(slowest, time.monotonic() - stored)
        await asyncio.sleep(0.05)
    tail.close()
    # librdkafka takes a second of the first record after it; before, 15 s were seen.
    assert slowest < 2
