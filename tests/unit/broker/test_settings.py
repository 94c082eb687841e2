"""The settings of a node and the text they are written in."""

from pathlib import Path

import pytest

from tailrace.broker.settings import Listener, NodeSettings, properties_text


def node(listener=None, *, nodes=1, **more):
    """Settings of node 1."""
    controllers = {n: 9100 + n for n in range(1, nodes + 1)}
    return NodeSettings(
        node_id=1,
        controllers=controllers,
        internal_port=9200,
        listeners={listener or Listener(): 9092},
        log_folder=Path("/data"),
        **more,
    ).properties()


@pytest.mark.parametrize(("nodes", "copies", "in_sync"), [(1, "1", "1"), (2, "2", "1"), (3, "3", "2")])
def test_internal_topics_fit_the_number_of_nodes(nodes, copies, in_sync):
    """A single node keeps one copy, three keep three."""
    made = node(nodes=nodes)
    assert made["offsets.topic.replication.factor"] == copies
    assert made["transaction.state.log.replication.factor"] == copies
    assert made["transaction.state.log.min.isr"] == in_sync


def test_every_node_is_a_voter():
    """The quorum is static, so ports may change between starts."""
    assert node(nodes=3)["controller.quorum.voters"] == "1@127.0.0.1:9101,2@127.0.0.1:9102,3@127.0.0.1:9103"


def test_clients_are_told_the_advertised_name():
    """The nodes themselves talk over a listener of their own, whatever is advertised."""
    made = node(Listener(host="0.0.0.0", advertise="kafka.example"))
    assert made["listeners"].endswith("PLAINTEXT://0.0.0.0:9092")
    assert made["advertised.listeners"] == "INTERNAL://127.0.0.1:9200,PLAINTEXT://kafka.example:9092"


def test_an_address_of_all_interfaces_is_not_advertised():
    """Kafka refuses it, and no client could use it."""
    assert node(Listener(host="0.0.0.0"))["advertised.listeners"].endswith("PLAINTEXT://127.0.0.1:9092")


def test_topics_are_made_when_asked_for_unless_said():
    """A first look needs no topic made by hand."""
    assert node()["auto.create.topics.enable"] == "true"
    assert node(auto_create_topics=False)["auto.create.topics.enable"] == "false"


def test_overrides_win():
    """Any Kafka setting can be given."""
    assert node(overrides={"num.partitions": "7"})["num.partitions"] == "7"


def test_a_password_is_quoted_for_the_login_module():
    """Quotes and backslashes in a password stay what they are."""
    made = node(Listener("SASL_PLAINTEXT"), users={"ann": 'a"b\\c'})
    assert made["listener.name.sasl_plaintext.plain.sasl.jaas.config"].endswith('user_ann="a\\"b\\\\c";')


def test_a_truststore_demands_client_certificates():
    """Without one, TLS asks clients for nothing."""
    asked, not_asked = (
        node(Listener("SSL", keystore=Path("k"), truststore=trust)) for trust in (Path("t"), None)
    )
    assert asked["listener.name.ssl.ssl.client.auth"] == "required"
    assert "listener.name.ssl.ssl.client.auth" not in not_asked


@pytest.mark.parametrize(
    ("value", "text"),
    [("a\\b", "a\\\\b"), (" a", "\\ a"), ("ü", "\\u00fc"), ("😀", "\\ud83d\\ude00"), ("a\nb", "a\\u000ab")],
)
def test_values_are_escaped_as_java_reads_them(value, text):
    """A properties file is Latin-1 with Java's escapes."""
    assert properties_text({"name": value}) == f"name={text}\n"
