"""What becomes of noted errors when brokers, or the client, can't be asked."""

import contextlib

from confluent_kafka import Consumer, KafkaError, Message

from tailrace.kafka import connection
from tailrace.kafka.tail_assignment import AssignedPartition, Assignment
from tailrace.kafka.tail_trouble import Trouble

AWAY = {"bootstrap.servers": "127.0.0.1:1"}


def test_a_place_that_fails_keeps_nothing_from_the_others(caplog):
    """Each is asked about again with the next look."""
    consumer, assignment = Consumer(connection.tail_settings(AWAY, 10)), Assignment()
    trouble = Trouble(consumer, AWAY, assignment)
    for partition in (0, 1):
        assignment.add(AssignedPartition("t", partition, 1, 5))
        error = KafkaError(KafkaError._BAD_MSG)
        trouble.note(Message(topic="t", partition=partition, error=error))
    consumer.close()
    for now in (0.0, 10.0):
        # A closed consumer raises at each question; between the looks nothing is lost.
        with contextlib.suppress(RuntimeError):
            trouble.look(now)
    caplog.clear()
    with contextlib.suppress(RuntimeError):
        trouble.look(10.1)
    assert [r.args for r in caplog.records if r.levelname == "ERROR"] == [("t", 0), ("t", 1)]
