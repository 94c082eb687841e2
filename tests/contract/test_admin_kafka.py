"""What administrators on Kafka are told where no broker lets them in."""

import pytest

from tailrace.broker import EmbeddedKafka, Listener
from tailrace.core.errors import BrokerUnavailable
from tailrace.core.ports import NewTopic
from tailrace.kafka.admin import KafkaAdmin
from tailrace.kafka.settings import translate

pytestmark = pytest.mark.kafka

WRONG = {
    "security_protocol": "SASL_PLAINTEXT",
    "sasl_mechanism": "PLAIN",
    "sasl_plain_username": "ann",
    "sasl_plain_password": "wrong",
}


@pytest.fixture(scope="module")
def node(installation, tmp_path_factory):
    """A node that takes all comers on one port, and users on another."""
    listeners = [Listener("PLAINTEXT"), Listener("SASL_PLAINTEXT")]
    folder = tmp_path_factory.mktemp("silent")
    with EmbeddedKafka(installation, folder, listeners=listeners, users={"ann": "right"}) as embedded:
        yield embedded


@pytest.mark.parametrize(
    ("protocol", "settings", "cause", "hint"),
    [
        ("SASL_PLAINTEXT", WRONG, "Invalid username or password", "password"),
        ("SASL_PLAINTEXT", {}, "may want TLS or a login", "Kafka runs"),
        (
            "PLAINTEXT",
            {"security_protocol": "SSL"},
            "SSL connection closed by peer",
            "both sides must speak TLS",
        ),
    ],
)
def test_a_broker_that_lets_nobody_in_is_told_as_such(node, protocol, settings, cause, hint):
    """Questions of every kind only time out; a connection is told the reason."""
    admin = KafkaAdmin(translate({"bootstrap_servers": node.servers(protocol), **settings}), call_seconds=1)
    questions = (admin.list_topics, lambda: admin.describe("t"), lambda: admin.create([NewTopic("t")]))
    for ask in questions:
        with pytest.raises(BrokerUnavailable) as caught:
            ask()
        assert cause in caught.value.cause
        assert hint in caught.value.hint
