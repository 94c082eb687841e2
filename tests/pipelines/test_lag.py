"""How far groups are behind, on real Kafka."""

import pytest
from confluent_kafka import Consumer, TopicPartition
from tests.pipelines.conftest import wait_for

from tailrace.core.groups import Spot
from tailrace.kafka.lag import GroupLags
from tailrace.kafka.settings import translate

pytestmark = pytest.mark.kafka


@pytest.fixture
def lags(kafka):
    """What asks about groups of one topic of two partitions."""
    asked = []

    def ask(topic, *groups, **more):
        spots = [Spot(topic, 0), Spot(topic, 1)]
        settings = translate({"bootstrap_servers": kafka.bootstrap_servers})
        asked.append(GroupLags(settings, dict.fromkeys(groups, spots), **more))
        return asked[-1].ask

    yield ask
    for one in asked:
        one.close()


def test_what_is_not_committed_is_lag(place, make_topic, lags):
    """All partitions together; a group that has not begun has all before it."""
    topic = make_topic(partitions=2)
    place.send(topic, range(10), key=lambda n: b"%d" % n)
    consumer = Consumer({"bootstrap.servers": place.broker, "group.id": f"{topic}-begun"})
    consumer.commit(offsets=[TopicPartition(topic, 0, 2)], asynchronous=False)
    consumer.close()
    ask = lags(topic, f"{topic}-begun", f"{topic}-new")
    wait_for(lambda: ask() == {f"{topic}-begun": 8, f"{topic}-new": 10}, "the lags are others")


def test_a_group_that_is_perhaps_not_used_is_told_once_it_is(place, make_topic, lags):
    """A script may have a group of another name."""
    topic = make_topic(partitions=2)
    place.send(topic, range(3))
    ask = lags(topic, f"{topic}-used", f"{topic}-other", perhaps=[f"{topic}-other"])
    wait_for(lambda: ask() == {f"{topic}-used": 3}, "the lags are others")
