"""What becomes of noted errors when brokers, or the client, can't be asked."""

import time

import pytest
from confluent_kafka import Consumer, KafkaError, Message

from tailrace.kafka import connection
from tailrace.kafka.tail_assignment import AssignedPartition, Assignment
from tailrace.kafka.tail_trouble import Trouble

AWAY = {"bootstrap.servers": "127.0.0.1:1"}
QUESTION_SECONDS = 0.3


@pytest.fixture
def trouble(monkeypatch):
    """Two partitions that can't be read on, and brokers that say nothing."""
    monkeypatch.setattr(connection, "QUESTION_SECONDS", QUESTION_SECONDS)
    consumer, assignment = Consumer(connection.tail_settings(AWAY, 10)), Assignment()
    made = Trouble(consumer, AWAY, assignment)
    for partition in (0, 1):
        assignment.add(AssignedPartition("t", partition, 1, 5))
        error = KafkaError(KafkaError._BAD_MSG)
        made.note(Message(topic="t", partition=partition, error=error))
    consumer.close()
    return made


def asked(trouble, now):
    """Look once in a while, until what was asked is answered; how long the slowest look took."""
    slowest, end = 0.0, time.monotonic() + 10
    while len(trouble._failed) < 2:
        assert time.monotonic() < end
        began = time.monotonic()
        trouble.look(now)
        slowest = max(slowest, time.monotonic() - began)
        time.sleep(0.01)
    return slowest


def test_brokers_that_say_nothing_hold_no_look_up(trouble):
    """The thread reads on for all its partitions; each question once took its time from them."""
    assert asked(trouble, -1.0) < QUESTION_SECONDS / 2


def test_a_place_that_fails_keeps_nothing_from_the_others(trouble, caplog):
    """Each is asked about again with the next look, whether brokers or the client failed."""
    asked(trouble, -1.0)
    for part in list(trouble._failed):
        # A closed consumer raises at each step.
        trouble._searched.append((part, 9))
    trouble._failed.clear()
    caplog.clear()
    trouble.look(-1.0)
    ours = [r.args for r in caplog.records if r.name == "tailrace.kafka.tail_trouble"]
    assert ours == [("t", 0), ("t", 1)]
    assert [part.partition for part in trouble._failed] == [0, 1]
