"""Values are stored without a report for each; nothing may be lost in silence all the same."""

import time

import pytest

from tailrace.core.errors import BadRecord, TopicNotFound, UnknownOutcome
from tailrace.core.ports import NewRecord
from tailrace.core.scans import ScanRequest
from tailrace.kafka import load as loads
from tailrace.kafka.load import KafkaRecordLoad, KafkaValueLoad
from tailrace.kafka.scan import KafkaScan
from tailrace.kafka.settings import translate

pytestmark = pytest.mark.kafka


def settings(kafka):
    return translate({"bootstrap_servers": kafka.bootstrap_servers})


def stored(kafka, topic):
    scan = KafkaScan(settings(kafka), ScanRequest((topic,)), 0)
    return [value for event in scan.events() if event is not None for value in event.values()]


def test_a_full_queue_keeps_the_order_and_a_refusal_its_number(kafka, topic, monkeypatch):
    """What finds no room goes again; what is too large is named, and what follows it is stored."""
    monkeypatch.setattr(loads, "_BOUNDS", {"queue.buffering.max.messages": 777})
    values = [b"%d" % n for n in range(20_000)]
    given = [*values[:10_000], b"x" * 2_000_000, *values[10_000:]]
    load = KafkaValueLoad(settings(kafka), topic)
    load.add(given)
    assert load.finish() == 20_000
    assert [refused.index for refused in load.refused()] == [10_000]
    assert stored(kafka, topic) == values


def test_what_a_broker_refuses_is_told(kafka, make_topic):
    """A topic's own limit is known to the broker alone."""
    topic = make_topic(config={"max.message.bytes": "1000"})
    with pytest.raises(UnknownOutcome, match="refused"):
        load_until_told(kafka, topic, bytes(range(256)) * 20)


def load_until_told(kafka, topic, value):
    """A broker heeds a new topic's settings some moments after it takes its records."""
    deadline = time.monotonic() + 10
    while time.monotonic() < deadline:
        load = KafkaValueLoad(settings(kafka), topic)
        load.add([value] * 100)
        load.finish()


def test_a_topic_that_is_missing_is_not_made(kafka):
    """A producer's own question would make it."""
    with pytest.raises(TopicNotFound):
        KafkaValueLoad(settings(kafka), "never-made")


def test_a_timestamp_that_the_client_would_replace_is_refused(kafka, topic):
    """It sends 0 as now; the record's number is told, and the others are stored."""
    load = KafkaRecordLoad(settings(kafka), topic)
    load.add([NewRecord(b"a"), NewRecord(b"b", timestamp=0), NewRecord(b"c", timestamp=1)])
    assert load.finish() == 2
    assert [(refused.index, type(refused.error)) for refused in load.refused()] == [(1, BadRecord)]
    assert stored(kafka, topic) == [b"a", b"c"]


@pytest.mark.faults
def test_a_broker_that_goes_away_is_told_before_values_time_out(kafka_cluster, monkeypatch):
    """Values that nobody confirmed are never counted as stored."""
    monkeypatch.setattr(loads, "DRAIN_SECONDS", 3.0)
    kafka = kafka_cluster()
    from confluent_kafka.admin import AdminClient, NewTopic  # noqa: PLC0415  # only here

    admin = AdminClient({"bootstrap.servers": kafka.bootstrap_servers})
    admin.create_topics([NewTopic("away", 1, 1)])["away"].result(20)
    load = KafkaValueLoad(settings(kafka), "away")
    load.add([b"kept"] * 1000)
    load.idle()
    kafka.kill()
    started = time.monotonic()
    load.add([b"lost"] * 1000)
    with pytest.raises(UnknownOutcome, match="1,000 are under way"):
        load.finish()
    assert time.monotonic() - started < 10
