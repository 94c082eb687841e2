"""How clients speak to the cluster."""

import pytest

from tailrace.core.errors import BrokerUnavailable
from tailrace.kafka import reader, scan_places
from tailrace.kafka.admin import KafkaAdmin
from tailrace.kafka.reader import KafkaReader
from tailrace.kafka.scan_places import Questions
from tailrace.kafka.settings import client_config, translate

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
