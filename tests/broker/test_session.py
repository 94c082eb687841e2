"""The session's broker, as every other test uses it."""

import pytest
from confluent_kafka import Producer
from confluent_kafka.admin import AdminClient

pytestmark = pytest.mark.kafka


def test_a_record_is_stored(kafka, topic):
    """A record goes in and gets offset 0."""
    reports = []
    producer = Producer({"bootstrap.servers": kafka.bootstrap_servers, "acks": "all"})
    producer.produce(
        topic, b"value", callback=lambda error, message: reports.append((error, message.offset()))
    )
    assert producer.flush(10) == 0
    assert reports == [(None, 0)]


def test_a_topic_has_the_partitions_asked_for(kafka, make_topic):
    """`make_topic` takes a number of partitions."""
    name = make_topic(partitions=3)
    admin = AdminClient({"bootstrap.servers": kafka.bootstrap_servers})
    assert len(admin.list_topics(timeout=10).topics[name].partitions) == 3
