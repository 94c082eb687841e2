"""compose.yaml: one node, one gateway, and the topics that are made."""

import subprocess

import pytest

from tailrace.auth.safety import check_safe
from tailrace.settings import load


def test_containers_find_kafka_by_its_name(compose):
    """Kafka is kafka:9092 for containers."""
    assert compose()["services"]["kafka"]["hostname"] == "kafka"


def test_one_node_asks_for_one_copy(compose):
    """Every internal topic of the single node has one replica."""
    kafka = compose()["services"]["kafka"]["environment"]
    factors = {k: v for k, v in kafka.items() if k.endswith(("REPLICATION_FACTOR", "MIN_ISR"))}
    assert len(factors) == 5
    assert set(factors.values()) == {"1"}


def test_the_gateway_is_published_where_it_listens(compose, bare_environment, root):
    """The published port leads to the port of the settings in force in the container."""
    assert compose()["services"]["gateway"]["ports"] == ["8484:8484"]
    assert compose(GATEWAY_PORT="9000")["services"]["gateway"]["ports"] == ["9000:8484"]
    assert load(config=root / "docker/tailrace.toml", environ=bare_environment).server.port == 8484


def test_the_gateway_starts_with_what_it_is_given(bare_environment, root):
    """The mounted settings are safe on all interfaces, and grant anonymous one topic."""
    environ = bare_environment | {"TAILRACE_SERVER_HOST": "0.0.0.0"}
    settings = load(config=root / "docker/tailrace.toml", environ=environ)
    check_safe(settings)
    (anonymous,) = settings.principals
    assert (anonymous.name, [g.topic for g in anonymous.grants]) == ("anonymous", [settings.socketio.topic])


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        ("demo", ["--topic demo"]),
        ("a:3, b:4:1:compact", [
            "--topic a --partitions 3",
            "--topic b --partitions 4 --replication-factor 1 --config cleanup.policy=compact",
        ]),
        ("", []),
    ],
)  # fmt: skip
def test_topics_are_made_as_named(given, expected, root, bare_environment):
    """NAME[:PARTITIONS[:REPLICAS[:CLEANUP]]] becomes the options of Kafka's tool; echo shows them."""
    environ = bare_environment | {"TAILRACE_TOPICS": given, "KAFKA_TOPICS": "echo"}
    command = ["bash", root / "docker/make-topics", "kafka:9092"]
    done = subprocess.run(command, env=environ, capture_output=True, text=True, check=True, timeout=10)
    start = "--bootstrap-server kafka:9092 --create --if-not-exists "
    assert done.stdout.splitlines() == [start + line for line in expected]
