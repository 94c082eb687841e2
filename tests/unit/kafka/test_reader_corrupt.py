"""Corrupt batches, without brokers."""

import time

import pytest
from confluent_kafka import KafkaError, Message

from tailrace.core.errors import BrokerUnavailable
from tailrace.kafka import connection, reader_corrupt
from tailrace.kafka.reader_corrupt import behind_corrupt, trusted

AWAY = {"bootstrap.servers": "127.0.0.1:1"}


def test_a_broker_that_does_not_answer_makes_no_record_corrupt(monkeypatch):
    """All of the log up to its end once counted as a corrupt batch."""
    monkeypatch.setattr(reader_corrupt, "PROBE_SECONDS", 0.2)
    monkeypatch.setattr(connection, "QUESTION_SECONDS", 0.2)
    with pytest.raises(BrokerUnavailable):
        behind_corrupt(AWAY, "t", 0, 5, 100, time.monotonic() + 10)


def test_what_follows_a_corrupt_batch_in_an_answer_is_not_trusted():
    """In its own partition; the end of a partition makes nothing worse."""
    corrupt, end = KafkaError(KafkaError._BAD_MSG), KafkaError(KafkaError._PARTITION_EOF)
    messages = [
        Message("t", 0, 0, value=b"1"),
        Message("t", 0, 1, error=corrupt),
        Message("t", 1, 0, value=b"2"),
        Message("t", 1, 1, error=end),
        Message("t", 0, 7, value=b"any bytes"),
        Message("t", 1, 1, value=b"3"),
    ]
    assert [message.value() for message in trusted(messages)] == [b"1", b"2", b"3"]
