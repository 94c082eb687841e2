"""Services whose topic is made again under its name, by brokers that have led the old one more than once."""

import pytest
from tests.contract.clusters import KafkaCluster
from tests.faults.conftest import wait_for

from tailrace.kafka import topic_looks
from tailrace.kafka.services import KafkaServices
from tailrace.kafka.settings import translate

pytestmark = [pytest.mark.kafka, pytest.mark.faults, pytest.mark.timeout(120)]


class Member:
    """Reads as a service does, and has whatever it has read handled."""

    def __init__(self, servers, group, *topics):
        services = KafkaServices(translate({"bootstrap_servers": servers}))
        self.values, self._done = [], {}
        self.reader = services.reader(topics, group, "latest", "member-0", self.revoked)

    def revoked(self, spots):
        return {spot: self._done[spot] for spot in spots if spot in self._done}

    def has(self, *values):
        """Read on; answers whether these are all that came."""
        batch = self.reader.poll(100, 0.1)
        if batch is not None:
            self.values += batch.values()
            self._done.update(batch.ends(0, len(batch)))
        return self.values == list(values)


@pytest.mark.parametrize("group", ["remade", None])
def test_a_service_reads_a_topic_made_again(kafka_cluster, monkeypatch, group):
    """From its first record; the other topic goes on where it was."""
    monkeypatch.setattr(topic_looks, "LOOK_SECONDS", 0.2)
    kafka = kafka_cluster()
    cluster = KafkaCluster(kafka.bootstrap_servers)
    remade, other = cluster.topic(), cluster.topic()
    cluster.append(other, b"before")
    member = Member(kafka.bootstrap_servers, group, remade, other)
    wait_for(lambda: member.has() and member.reader.assigned, what="the partitions")
    cluster.append(remade, b"old", b"older")
    cluster.append(other, b"a")
    wait_for(lambda: member.has() or len(member.values) == 3, what="the old records")
    kafka.kill()
    kafka.start()
    cluster.append(remade, b"led again")
    wait_for(lambda: member.has() or len(member.values) == 4, what="the old topic, led again")
    member.values.clear()
    cluster.recreate(remade)
    cluster.append(remade, b"new")
    wait_for(lambda: member.has(b"new"), 30, "the new topic")
    cluster.append(other, b"b")
    wait_for(lambda: member.has(b"new", b"b"), 30, "the other topic")
    member.reader.close()
    cluster.close()
