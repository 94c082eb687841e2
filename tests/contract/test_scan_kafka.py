"""What only real Kafka can do to a scan."""

import time

import pytest
from tests.contract.clusters import KafkaCluster
from tests.contract.test_tail_kafka import append_batches, damage

from tailrace.core.scans import Missing, ScanRequest, Waiting
from tailrace.kafka import connection
from tailrace.kafka.admin import KafkaAdmin
from tailrace.kafka.scan import KafkaScan
from tailrace.kafka.settings import translate

pytestmark = pytest.mark.kafka


def corrupt_topic(kafka):
    """A topic of three batches, the middle one corrupt, and a scan of it."""
    cluster = KafkaCluster(kafka.bootstrap_servers)
    topic = cluster.topic()
    append_batches(cluster, topic, 3)
    damage(kafka, topic, 1)
    settings = translate({"bootstrap_servers": kafka.bootstrap_servers})
    return KafkaScan(settings, ScanRequest((topic,), stop="end"), 0)


def seen(events):
    """Offsets of records, and what else was told but for turns without news."""
    offsets, told = [], []
    for event in events:
        if isinstance(event, Missing | Waiting):
            told.append(event)
        elif event is not None:
            offsets += [record.offset for chunk in event.chunks() for record in chunk.records()]
    return offsets, told


def test_a_corrupt_batch_is_told_and_passed_over(kafka):
    """From its first record to its last."""
    offsets, told = seen(corrupt_topic(kafka).events())
    assert [(m.start, m.stop, m.cause) for m in told] == [(300, 600, "corrupt")]
    assert offsets == [*range(300), *range(600, 900)]


@pytest.mark.faults
def test_a_broker_away_while_a_lost_place_is_searched_is_waited_for(kafka_cluster, monkeypatch):
    """As everywhere in a scan; it once ended the scan."""
    monkeypatch.setattr(connection, "QUESTION_SECONDS", 0.5)
    kafka = kafka_cluster()
    events = corrupt_topic(kafka).events()
    offsets, _ = seen([next(event for event in events if event is not None)])
    kafka.stop()
    waited = next(event for event in events if isinstance(event, Waiting))
    kafka.start()
    more, told = seen(events)
    assert waited.reason
    assert [(m.start, m.stop, m.cause) for m in told if isinstance(m, Missing)] == [(300, 600, "corrupt")]
    assert offsets + more == [*range(300), *range(600, 900)]


@pytest.fixture
def following(kafka):
    """A cluster, a topic with one record, and what a scan that follows it has told; `heard` reads on."""
    cluster = KafkaCluster(kafka.bootstrap_servers)
    topic = cluster.topic()
    cluster.append(topic, b"old")
    settings = translate({"bootstrap_servers": kafka.bootstrap_servers})
    events = KafkaScan(settings, ScanRequest((topic,), stop=None), 0).events()
    values, told = [], []

    def heard(count):
        end = time.monotonic() + 20
        while len(values) + len(told) < count:
            assert time.monotonic() < end
            event = next(events)
            if isinstance(event, Missing | Waiting):
                told.append(event)
            elif event is not None:
                values.extend(event.values())
        return values, told

    heard(1)
    return cluster, topic, heard


def test_following_reads_partitions_that_are_added(following, kafka):
    """From their start, within a second or two."""
    cluster, topic, heard = following
    KafkaAdmin(translate({"bootstrap_servers": kafka.bootstrap_servers})).grow(topic, 2)
    cluster.append(topic, b"new", partition=1)
    assert heard(2) == ([b"old", b"new"], [])


def test_following_tells_that_a_topic_was_made_again(following):
    """And reads the new one from its start; it once went on where the old one ended."""
    cluster, topic, heard = following
    cluster.recreate(topic)
    cluster.append(topic, b"new", b"newer")
    assert heard(4) == ([b"old", b"new", b"newer"], [Missing(topic, 0, 1, None, "recreated")])


@pytest.mark.faults
def test_a_reader_that_follows_learns_that_no_broker_answers(kafka_cluster):
    """Quiet topics look the same otherwise."""
    kafka = kafka_cluster()
    topic = KafkaCluster(kafka.bootstrap_servers).topic()
    settings = translate({"bootstrap_servers": kafka.bootstrap_servers})
    events = KafkaScan(settings, ScanRequest((topic,), stop=None), 0).events()
    assert next(events) is None
    kafka.stop()
    end = time.monotonic() + 20
    while (event := next(events)) is None:
        assert time.monotonic() < end
    assert event == Waiting("no broker answers")
