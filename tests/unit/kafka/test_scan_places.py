"""The offsets that a scan asks for while leaders are elected."""

import time
from concurrent.futures import Future

import pytest
from confluent_kafka import KafkaError, KafkaException, TopicPartition
from confluent_kafka.admin import ListOffsetsResultInfo

from tailrace.core.errors import BrokerUnavailable, Forbidden
from tailrace.kafka.scan_places import led_offsets

PLACES = [("topic", 0), ("topic", 1)]


def answer(offset):
    future = Future()
    if isinstance(offset, int):
        future.set_result(ListOffsetsResultInfo(offset, 0, -1))
    else:
        future.set_exception(KafkaException(KafkaError(getattr(KafkaError, offset))))
    return future


def broker(*answers):
    """What asks a broker that answers with these offsets or errors, and what it was asked for."""
    rounds, asked = iter(answers), []

    def ask(places):
        asked.append(list(places))
        return {TopicPartition(*place): answer(it) for place, it in zip(places, next(rounds), strict=True)}

    return ask, asked


def test_a_partition_whose_leader_is_just_elected_is_asked_for_again():
    ask, asked = broker((5, "UNKNOWN_LEADER_EPOCH"), ("LEADER_NOT_AVAILABLE",), (7,))
    assert led_offsets(ask, PLACES, time.monotonic() + 10) == {("topic", 0): 5, ("topic", 1): 7}
    assert asked == [PLACES, PLACES[1:], PLACES[1:]]


def test_an_election_that_takes_too_long_is_told():
    ask, asked = broker((5, "UNKNOWN_LEADER_EPOCH"))
    with pytest.raises(BrokerUnavailable, match="offsets cannot be asked"):
        led_offsets(ask, PLACES, time.monotonic() - 1)
    assert len(asked) == 1


def test_what_no_waiting_mends_is_told_at_once():
    ask, asked = broker((5, "TOPIC_AUTHORIZATION_FAILED"))
    with pytest.raises(Forbidden):
        led_offsets(ask, PLACES, time.monotonic() + 10)
    assert len(asked) == 1
