"""compose.yaml without an engine: its structure, its references, its listeners, its commands."""

import re
import subprocess

import pytest

from tailrace.auth.safety import check_safe
from tailrace.cli.group import tailrace
from tailrace.cli.new_topics import parse_topics
from tailrace.settings import load

SERVICE_KEYS = {
    "image", "build", "hostname", "ports", "environment", "volumes", "healthcheck", "depends_on",
    "entrypoint", "command", "restart", "stop_grace_period",
}  # fmt: skip
CONDITIONS = {"service_started", "service_healthy", "service_completed_successfully"}


def listeners(text):
    """NAME://host:port, … as {name: (host, port)}."""
    found = re.findall(r"(\w+)://([^:,]*):(\d+)", text)
    return {name: (host, int(port)) for name, host, port in found}


@pytest.fixture
def kafka(compose):
    """The broker's environment."""
    return compose()["services"]["kafka"]["environment"]


def test_every_key_is_one_of_composes(compose):
    """No misspelled key: an engine would refuse the whole file."""
    tree = compose()
    assert set(tree) == {"services", "volumes"}
    assert all(set(service) <= SERVICE_KEYS for service in tree["services"].values())


def test_every_service_can_be_had(compose):
    """Each service names an image or a folder to build, and says when it is started again."""
    for service in compose()["services"].values():
        assert service.get("image") or service.get("build")
        assert service["restart"] in {"always", "on-failure"}


def test_dependencies_exist_and_can_be_waited_for(compose):
    """Each dependency is a service, and a healthy one is one with a health check."""
    services = compose()["services"]
    for service in services.values():
        for name, wait in service.get("depends_on", {}).items():
            assert wait["condition"] in CONDITIONS
            assert wait["condition"] != "service_healthy" or services[name]["healthcheck"]["test"]


def test_every_volume_is_there(compose, root):
    """A mounted path is in the repository, a named volume is declared."""
    tree = compose()
    for service in tree["services"].values():
        for mount in service.get("volumes", []):
            source = mount.split(":")[0]
            assert (root / source).is_file() if source.startswith("./") else source in tree["volumes"]


def test_environment_values_are_text(compose):
    """A bare number or true in YAML would reach a container in another spelling."""
    for service in compose()["services"].values():
        assert all(isinstance(value, str) for value in service.get("environment", {}).values())


def test_every_variable_is_explained_and_has_a_default(compose_text):
    """A reader finds each variable in the file's head; none has to be set."""
    head = compose_text[: compose_text.index("services:")]
    used = re.findall(r"\$\{(\w+)(:-[^}]+)?\}", compose_text)
    assert all(default for _, default in used)
    assert {name for name, _ in used} - {"KAFKA_VERSION"} == set(re.findall(r"^# ([A-Z_]+) ", head, re.M))


def test_every_listener_is_mapped(kafka):
    """Each listener has a protocol; all but the controller's are advertised."""
    bound = listeners(kafka["KAFKA_LISTENERS"])
    protocols = dict(p.split(":") for p in kafka["KAFKA_LISTENER_SECURITY_PROTOCOL_MAP"].split(","))
    assert set(bound) == set(protocols)
    controller = kafka["KAFKA_CONTROLLER_LISTENER_NAMES"]
    assert set(listeners(kafka["KAFKA_ADVERTISED_LISTENERS"])) == set(bound) - {controller}
    assert kafka["KAFKA_INTER_BROKER_LISTENER_NAME"] in bound


def test_the_controller_is_found(kafka):
    """The quorum names this node at its controller's port."""
    node, port = re.fullmatch(r"(\d+)@kafka:(\d+)", kafka["KAFKA_CONTROLLER_QUORUM_VOTERS"]).groups()
    assert node == kafka["KAFKA_NODE_ID"]
    assert int(port) == listeners(kafka["KAFKA_LISTENERS"])["CONTROLLER"][1]


def test_inside_clients_come_back_to_the_inside_listener(compose, kafka):
    """Kafka is kafka:9092 for containers, and that port is the one bound."""
    assert listeners(kafka["KAFKA_ADVERTISED_LISTENERS"])["INSIDE"] == ("kafka", 9092)
    assert listeners(kafka["KAFKA_LISTENERS"])["INSIDE"][1] == 9092
    assert compose()["services"]["kafka"]["hostname"] == "kafka"


def test_outside_clients_come_back_to_the_published_port(compose, kafka):
    """Kafka is localhost:9092 for this machine, published from the outside listener's port."""
    host, published, bound = compose()["services"]["kafka"]["ports"][0].split(":")
    assert host == "127.0.0.1"
    assert listeners(kafka["KAFKA_ADVERTISED_LISTENERS"])["OUTSIDE"] == ("localhost", int(published))
    assert listeners(kafka["KAFKA_LISTENERS"])["OUTSIDE"][1] == int(bound)


def test_kafka_can_be_advertised_under_another_name(compose):
    """KAFKA_HOST is what clients outside are told, containers still use kafka."""
    changed = compose(KAFKA_HOST="kafka.example.org")["services"]["kafka"]["environment"]
    advertised = listeners(changed["KAFKA_ADVERTISED_LISTENERS"])
    assert (advertised["OUTSIDE"][0], advertised["INSIDE"][0]) == ("kafka.example.org", "kafka")


def test_one_node_asks_for_one_copy(kafka):
    """Every internal topic of the single node has one replica."""
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


def test_the_granted_topic_is_made(compose, bare_environment, root):
    """Without a word from the user the topic that anonymous may use exists."""
    made = compose()["services"]["topics"]["environment"]["TAILRACE_TOPICS"].split(",")
    assert load(config=root / "docker/tailrace.toml", environ=bare_environment).socketio.topic in made


def test_the_gateway_stops_before_it_is_killed(compose, bare_environment):
    """The engine waits longer than the gateway's own deadline."""
    grace = float(compose()["services"]["gateway"]["stop_grace_period"].removesuffix("s"))
    assert grace > load(environ=bare_environment).deadlines.stop


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        ("demo", ["--topic demo --partitions 1 --replication-factor 1"]),
        ("a:3, b:4:1:compact", [
            "--topic a --partitions 3 --replication-factor 1",
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


def test_the_gateways_command_is_understood(compose):
    """The command line takes the gateway's arguments, and the broker is the inside listener."""
    name, *arguments = compose()["services"]["gateway"]["command"]
    context = tailrace.get_command(None, name).make_context(name, arguments)
    assert context.params["broker"] == "kafka:9092"


def test_topics_have_the_form_of_the_command_line(compose):
    """What TAILRACE_TOPICS holds here is what `tailrace dev` takes."""
    given = compose()["services"]["topics"]["environment"]["TAILRACE_TOPICS"]
    assert [topic.name for topic in parse_topics((), given)] == ["demo"]
