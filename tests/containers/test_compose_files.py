"""Both compose files without an engine: structure, references, listeners, commands."""

import re

from tailrace.cli.group import tailrace
from tailrace.cli.new_topics import parse_topics
from tailrace.settings import load

TOP_KEYS = {"name", "services", "volumes"}
SERVICE_KEYS = {
    "image", "build", "hostname", "ports", "environment", "volumes", "healthcheck", "depends_on",
    "entrypoint", "command", "networks", "restart", "stop_grace_period",
}  # fmt: skip
CONDITIONS = {"service_started", "service_healthy", "service_completed_successfully"}
OF_THE_IMAGES = {"KAFKA_VERSION", "HAPROXY_VERSION"}


def listeners(text):
    """NAME://host:port, … as {name: (host, port)}."""
    found = re.findall(r"(\w+)://([^:,]*):(\d+)", text)
    return {name: (host, int(port)) for name, host, port in found}


def gateways(compose):
    """The services that run our command."""
    return [s for s in compose()["services"].values() if s["image"] == "tailrace"]


def test_every_key_is_one_of_composes(each_compose):
    """No misspelled key: an engine would refuse the whole file."""
    tree = each_compose()
    assert {key for key in tree if not key.startswith("x-")} <= TOP_KEYS
    assert all(set(service) <= SERVICE_KEYS for service in tree["services"].values())


def test_every_service_can_be_had(each_compose):
    """Each service names an image or a folder to build, and says when it is started again."""
    for service in each_compose()["services"].values():
        assert service.get("image") or service.get("build")
        assert service["restart"] in {"always", "on-failure"}


def test_dependencies_exist_and_can_be_waited_for(each_compose, instructions):
    """Each dependency is a service, and a healthy one is one with a health check, if only in its image."""
    services = each_compose()["services"]
    ours_is_checked = any(word == "HEALTHCHECK" for word, _ in instructions)
    for service in services.values():
        for name, wait in service.get("depends_on", {}).items():
            assert wait["condition"] in CONDITIONS
            checked = "healthcheck" in services[name] or (services[name].get("build") and ours_is_checked)
            assert wait["condition"] != "service_healthy" or checked


def test_every_volume_is_there(each_compose, root):
    """A mounted path is in the repository, a named volume is declared and mounted once."""
    tree, used = each_compose(), []
    for service in tree["services"].values():
        for mount in service.get("volumes", []):
            source = mount.split(":")[0]
            assert (root / source).is_file() if source.startswith("./") else used.append(source) is None
    assert sorted(used) == sorted(tree["volumes"])


def test_environment_values_are_text(each_compose):
    """A bare number or true in YAML would reach a container in another spelling."""
    for service in each_compose()["services"].values():
        assert all(isinstance(value, str) for value in service.get("environment", {}).values())


def test_every_variable_is_explained_and_has_a_default(each_compose):
    """A reader finds each variable in the file's head; none has to be set."""
    head = each_compose.text[: each_compose.text.index("\nservices:")]
    used = re.findall(r"\$\{(\w+)(:-[^}]+)?\}", each_compose.text)
    assert all(default for _, default in used)
    assert {name for name, _ in used} - OF_THE_IMAGES == set(re.findall(r"^# ([A-Z_]+) ", head, re.M))


def test_every_listener_is_mapped(each_compose):
    """Each listener has a protocol; all but the controller's are advertised."""
    for kafka in (broker["environment"] for broker in each_compose.brokers().values()):
        bound = listeners(kafka["KAFKA_LISTENERS"])
        protocols = dict(p.split(":") for p in kafka["KAFKA_LISTENER_SECURITY_PROTOCOL_MAP"].split(","))
        assert set(bound) == set(protocols)
        controller = kafka["KAFKA_CONTROLLER_LISTENER_NAMES"]
        assert set(listeners(kafka["KAFKA_ADVERTISED_LISTENERS"])) == set(bound) - {controller}
        assert kafka["KAFKA_INTER_BROKER_LISTENER_NAME"] in bound


def test_the_controllers_are_found(each_compose):
    """The quorum that each node is told names every node, by its name and its controller's port."""
    brokers = each_compose.brokers()
    nodes = [(b["environment"]["KAFKA_NODE_ID"], b["hostname"], name) for name, b in brokers.items()]
    for kafka in (broker["environment"] for broker in brokers.values()):
        port = listeners(kafka["KAFKA_LISTENERS"])["CONTROLLER"][1]
        voters = kafka["KAFKA_CONTROLLER_QUORUM_VOTERS"].split(",")
        assert voters == [f"{node}@{host}:{port}" for node, host, name in nodes if host == name]


def test_inside_clients_come_back_to_the_inside_listener(each_compose):
    """Containers reach each broker under its name at 9092, and that port is the one bound."""
    for name, broker in each_compose.brokers().items():
        kafka = broker["environment"]
        assert listeners(kafka["KAFKA_ADVERTISED_LISTENERS"])["INSIDE"] == (name, 9092)
        assert listeners(kafka["KAFKA_LISTENERS"])["INSIDE"][1] == 9092


def test_outside_clients_come_back_to_the_published_port(each_compose):
    """Kafka is localhost for this machine, each broker at the port published from its outside listener."""
    published_ports = []
    for broker in each_compose.brokers().values():
        host, published, bound = broker["ports"][0].split(":")
        advertised = listeners(broker["environment"]["KAFKA_ADVERTISED_LISTENERS"])["OUTSIDE"]
        assert (host, advertised) == ("127.0.0.1", ("localhost", int(published)))
        assert listeners(broker["environment"]["KAFKA_LISTENERS"])["OUTSIDE"][1] == int(bound)
        published_ports.append(int(published))
    assert published_ports == [9092, 9093, 9094][: len(published_ports)]


def test_kafka_can_be_advertised_under_another_name(each_compose):
    """KAFKA_HOST is what clients outside are told; containers still use each broker's own name."""
    for name, broker in each_compose.brokers(KAFKA_HOST="kafka.example.org").items():
        advertised = listeners(broker["environment"]["KAFKA_ADVERTISED_LISTENERS"])
        assert (advertised["OUTSIDE"][0], advertised["INSIDE"][0]) == ("kafka.example.org", name)


def test_every_gateway_stops_before_it_is_killed(each_compose, bare_environment):
    """The engine waits longer than the gateway's own deadline."""
    for gateway in gateways(each_compose):
        grace = float(gateway["stop_grace_period"].removesuffix("s"))
        assert grace > load(environ=bare_environment).deadlines.stop


def test_every_gateways_command_is_understood(each_compose):
    """The command line takes the gateway's arguments, and the brokers are the inside listeners."""
    expected = ",".join(f"{name}:9092" for name in each_compose.brokers())
    for gateway in gateways(each_compose):
        name, *arguments = gateway["command"]
        assert tailrace.get_command(None, name).make_context(name, arguments).params["broker"] == expected


def test_every_gateway_takes_its_environment(each_compose, bare_environment, root):
    """Its variables are settings that exist, with values that they take."""
    for gateway in gateways(each_compose):
        mounted = gateway["volumes"][0].split(":")
        assert gateway["environment"]["TAILRACE_CONFIG"] == mounted[1]
        given = {k: v for k, v in gateway["environment"].items() if k != "TAILRACE_CONFIG"}
        assert load(config=root / mounted[0], environ=bare_environment | given).server.port == 8484


def test_topics_have_the_form_of_the_command_line(each_compose):
    """What TAILRACE_TOPICS holds is what `tailrace dev` takes, and the page's topic is in it."""
    given = each_compose()["services"]["topics"]["environment"]["TAILRACE_TOPICS"]
    assert [topic.name for topic in parse_topics((), given)] == ["demo"]
