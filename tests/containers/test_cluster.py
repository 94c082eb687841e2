"""compose.cluster.yaml: three brokers that are one cluster, and a proxy that knows both gateways."""

import base64
import re

from tailrace.settings import load


def test_three_brokers_are_one_cluster(cluster):
    """They have one cluster id, of the form that Kafka's storage takes, and a node id each."""
    environments = [broker["environment"] for broker in cluster.brokers().values()]
    (cluster_id,) = {environment["CLUSTER_ID"] for environment in environments}
    assert len(base64.urlsafe_b64decode(cluster_id + "==")) == 16
    assert [environment["KAFKA_NODE_ID"] for environment in environments] == ["1", "2", "3"]


def test_one_broker_may_go(cluster):
    """Everything has three copies, and two are enough to store a record."""
    for kafka in (broker["environment"] for broker in cluster.brokers().values()):
        assert {v for k, v in kafka.items() if k.endswith("REPLICATION_FACTOR")} == {"3"}
        assert {v for k, v in kafka.items() if k.endswith(("MIN_ISR", "INSYNC_REPLICAS"))} == {"2"}


def test_every_broker_keeps_its_data_for_itself(cluster):
    """Each has a volume of its own, and all of them answer to the name kafka."""
    brokers = cluster.brokers().values()
    assert len({broker["volumes"][0] for broker in brokers}) == 3
    assert all(broker["networks"]["default"]["aliases"] == ["kafka"] for broker in brokers)


def test_the_proxy_knows_both_gateways(cluster, root):
    """Its servers are the gateways of the compose file, at the port where these listen."""
    servers = re.findall(r"^ +server \S+ (\S+):(\d+)$", (root / "docker/haproxy.cfg").read_text(), re.M)
    tree = cluster()["services"]
    gateways = [name for name, service in tree.items() if service["image"] == "tailrace"]
    assert servers == [(name, str(load(environ={}).server.port)) for name in gateways]
    assert len(servers) == 2


def test_the_proxy_is_published_where_it_listens(cluster, root):
    """GATEWAY_PORT chooses the port on this machine, and the proxy binds what it leads to."""
    (bound,) = re.findall(r"^ +bind :(\d+)$", (root / "docker/haproxy.cfg").read_text(), re.M)
    assert cluster(GATEWAY_PORT="9000")["services"]["proxy"]["ports"] == [f"9000:{bound}"]
    assert cluster()["services"]["proxy"]["ports"] == [f"8484:{bound}"]


def test_the_gateways_are_not_published(cluster):
    """Only the proxy is reached from outside."""
    published = {name for name, service in cluster()["services"].items() if "ports" in service}
    assert published == {"kafka-1", "kafka-2", "kafka-3", "proxy"}


def test_an_endless_request_may_be_as_silent_as_without_a_proxy(root, bare_environment):
    """The proxy waits longer than the gateway does for the next line of a body."""
    text = (root / "docker/haproxy.cfg").read_text()
    waits = [int(minutes) * 60 for minutes in re.findall(r"timeout (?:client|server|tunnel) (\d+)m", text)]
    assert len(waits) == 3
    assert min(waits) > load(environ=bare_environment).deadlines.between_lines
