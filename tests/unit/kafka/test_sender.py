"""The producer of services, where no broker answers."""

import time

import pytest

from tailrace.core.errors import TailraceError
from tailrace.kafka.sender import KafkaSender
from tailrace.kafka.settings import translate


@pytest.fixture
def sender():
    """It gives a record up after 0.3 s, and holds two."""
    given = {
        "bootstrap_servers": "127.0.0.1:1",
        "message.timeout.ms": 300,
        "queue.buffering.max.messages": 2,
    }
    sender = KafkaSender(translate(given), "test")
    yield sender
    sender.close()


def test_a_refusal_is_raised_each_time(sender):
    """Who settles again, to commit, must not take it for stored."""
    sender.send("topic", b"lost")
    for _ in range(2):
        with pytest.raises(TailraceError, match="could not be stored in 'topic'"):
            sender.settle(10)


def test_a_refusal_can_be_forgiven(sender):
    """Where nothing is committed on it, such as a timer's."""
    sender.send("topic", b"lost")
    with pytest.raises(TailraceError):
        sender.settle(10)
    sender.forgive()
    assert sender.settle(1)


def test_where_there_is_no_broker_it_is_not_waited_for_long(monkeypatch):
    """One that stored something before is: it may come back."""
    monkeypatch.setattr("tailrace.kafka.sender.SILENT_SECONDS", 0.1)
    monkeypatch.setattr("tailrace.kafka.sender.ANSWER_SECONDS", 0.1)
    sender = KafkaSender(translate({"bootstrap_servers": "127.0.0.1:1"}), "test")
    sender.send("topic", b"1")
    begun = time.monotonic()
    assert not sender.settle(30)
    assert time.monotonic() - begun < 10
    assert sender.waiting == 1
    sender.sent += 1
    begun = time.monotonic()
    assert not sender.settle(0.5)
    assert time.monotonic() - begun >= 0.5
    sender.close()


def test_a_full_queue_need_not_be_waited_for(sender):
    """The event loop would stand still."""
    sender.send("topic", b"1")
    sender.send("topic", b"2")
    with pytest.raises(BufferError):
        sender.send("topic", b"3", wait=False)
    assert sender.sent == 2
