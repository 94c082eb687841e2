"""How clients speak to the cluster."""

import socket
import threading
import time

import pytest
from confluent_kafka import Consumer, Producer

from tailrace.core.errors import BrokerUnavailable, TopicNotFound
from tailrace.kafka import connection, reader, scan_places
from tailrace.kafka.admin import KafkaAdmin
from tailrace.kafka.reader import KafkaReader
from tailrace.kafka.scan_places import Questions
from tailrace.kafka.settings import client_config, reading_config, translate
from tailrace.kafka.silence import Silence

AWAY = translate({"bootstrap_servers": "127.0.0.1:1"})


async def test_clients_that_ask_write_nothing_to_the_terminal(monkeypatch, capfd):
    """A broker that is away is told by the error; librdkafka's own lines would come out raw."""
    monkeypatch.setattr(reader, "ANSWER_SECONDS", 0.5)
    monkeypatch.setattr(scan_places, "ANSWER_SECONDS", 0.5)
    made = KafkaReader(client_config(AWAY))
    with pytest.raises(BrokerUnavailable):
        await made.describe(["t"])
    made.close()
    with pytest.raises(BrokerUnavailable):
        KafkaAdmin(AWAY, call_seconds=0.5).list_topics()
    with pytest.raises(BrokerUnavailable):
        Questions(client_config(AWAY)).topics(["t"])
    assert "".join(capfd.readouterr()) == ""


@pytest.mark.parametrize(
    "settings",
    [{"message.max.bytes": 8_000_000}, {"reconnect_backoff_ms": 1000}, {"fetch_max_bytes": 1_000_000}],
)
def test_our_own_settings_bear_those_that_may_be_given(settings):
    """librdkafka refuses some of a kind together, which the trial of the given ones alone does not show."""
    given = translate({**settings, "bootstrap_servers": "127.0.0.1:1"})
    reading = {**reading_config(given), "log_level": 0}
    Consumer(connection.tail_settings(reading, 100) | {"log_level": 0}).close()
    Consumer(connection.catch_up_settings(reading)).close()
    Producer(connection.asking_settings(client_config(given)))


def test_a_silence_is_listened_to_once_for_many_questions():
    """A gateway's questions fail by the hundred when its brokers are away."""
    silence = Silence(client_config(AWAY))
    assert "refused" in silence.explained(BrokerUnavailable("first")).cause
    began = time.monotonic()
    assert "refused" in silence.explained(BrokerUnavailable("second")).cause
    assert time.monotonic() - began < 1


def test_a_gateway_taken_for_a_broker_is_told():
    """What answers in HTTP is no Kafka."""

    def answer(listener):
        while True:
            try:
                taken, _ = listener.accept()
            except OSError:
                return
            with taken:
                taken.recv(1)
                taken.sendall(b"HTTP/1.1 400 Bad Request\r\n\r\n")

    with socket.create_server(("127.0.0.1", 0)) as listener:
        answering = threading.Thread(target=answer, args=[listener])
        answering.start()
        there = translate({"bootstrap_servers": f"127.0.0.1:{listener.getsockname()[1]}"})
        error = Silence(client_config(there)).explained(BrokerUnavailable("no"))
        listener.shutdown(socket.SHUT_RDWR)
        answering.join()
    assert "speaks HTTP" in error.cause


def test_only_silence_is_explained():
    """Whatever else went wrong has its own reason."""
    error = TopicNotFound("no", cause="this")
    assert Silence(client_config(AWAY)).explained(error) is error
    assert error.cause == "this"
