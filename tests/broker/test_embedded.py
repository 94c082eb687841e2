"""The embedded cluster against its real processes."""

import json
import os
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path

import pytest
from confluent_kafka import Consumer, Producer, TopicPartition
from confluent_kafka.admin import AdminClient, NewTopic

from tailrace.broker import EmbeddedKafka, EmbeddedKafkaError, Listener
from tailrace.testing import TestKafka

pytestmark = pytest.mark.kafka

USERS = {"ann": 'pass "word"', "bob": "secret"}
OWNER = """
import sys
from pathlib import Path
from tailrace.broker import EmbeddedKafka, install
kafka = EmbeddedKafka(install(), Path(sys.argv[1]), port=0)
kafka.start()
print(kafka.bootstrap_servers, flush=True)
sys.stdin.read()
"""


@pytest.fixture
def start(installation, tmp_path):
    """Make a broker on this test's folder; it ends with the test."""
    made = []

    def make(**options):
        made.append(EmbeddedKafka(installation, tmp_path / "kafka", **{"heap": "384m", "port": 0, **options}))
        made[-1].start()
        return made[-1]

    yield make
    for kafka in made:
        kafka.kill()


@pytest.fixture
def owner(installation, tmp_path):
    """A process of its own that runs a broker: the process, and where clients begin."""
    with subprocess.Popen(
        [sys.executable, "-c", OWNER, tmp_path / "kafka"],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    ) as process:
        yield process, process.stdout.readline().strip()
        process.kill()


def fetches(consumer, said, count):
    """Poll until the client has sent so many fetches, or no broker is there."""
    while said.get("Fetch", 0) < count and not said.get("down"):
        consumer.poll(0.05)
    return said["Fetch"]


def produce(servers, topic, *values, **security):
    """Store some values; fails unless each is acknowledged."""
    failed = []
    producer = Producer({"bootstrap.servers": servers, "acks": "all", **security})
    for value in values:
        producer.produce(topic, value, callback=lambda error, _: failed.append(error) if error else None)
    assert producer.flush(30) == 0
    assert failed == []


def read(servers, topic, count, **security):
    """The first values of partition 0."""
    settings = {"bootstrap.servers": servers, "group.id": "test", "enable.auto.commit": False, **security}
    consumer = Consumer(settings)
    consumer.assign([TopicPartition(topic, 0, 0)])
    values = [message.value() for message in consumer.consume(count, 20)]
    consumer.close()
    return values


def java_processes(folder):
    """Ids of the processes whose command names this folder."""
    found = []
    for entry in Path("/proc").iterdir():
        try:
            command = (entry / "cmdline").read_bytes().split(b"\0")
        except OSError:
            continue
        if command[0].endswith(b"/java") and any(str(folder).encode() in word for word in command):
            found.append(int(entry.name))
    return found


def within(seconds, condition):
    """Wait for a condition."""
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, "it did not become so in time"
        time.sleep(0.02)


def test_a_restart_keeps_data_and_ports(start):
    """Records outlive a clean stop, and clients find the broker where it was."""
    kafka = start()
    servers = kafka.bootstrap_servers
    produce(servers, "kept", b"one", b"two")
    kafka.stop()
    assert not kafka.running
    kafka.start()
    assert kafka.bootstrap_servers == servers
    assert read(servers, "kept", 2) == [b"one", b"two"]


def test_a_killed_broker_starts_again_with_its_data(start):
    """kill -9 loses nothing that was acknowledged."""
    kafka = start()
    produce(kafka.bootstrap_servers, "kept", b"one")
    kafka.kill()
    kafka.start()
    assert read(kafka.bootstrap_servers, "kept", 1) == [b"one"]


def test_fresh_starts_from_nothing(start):
    """The data of earlier starts are gone."""
    kafka = start()
    produce(kafka.bootstrap_servers, "gone", b"one")
    kafka.stop()
    fresh = start(fresh=True)
    assert (
        "gone"
        not in AdminClient({"bootstrap.servers": fresh.bootstrap_servers}).list_topics(timeout=10).topics
    )


def test_topics_have_ids_and_transactions_work(start):
    """The folder's format switches Kafka's features on; a transaction commits."""
    kafka = start()
    producer = Producer({"bootstrap.servers": kafka.bootstrap_servers, "transactional.id": "t"})
    producer.init_transactions(20)
    producer.begin_transaction()
    producer.produce("exact", b"one")
    producer.commit_transaction(20)
    assert read(kafka.bootstrap_servers, "exact", 1, **{"isolation.level": "read_committed"}) == [b"one"]


def test_java_ends_when_its_owner_is_killed(owner, tmp_path):
    """kill -9 of the parent: nothing is left five seconds later."""
    process, _ = owner
    assert len(java_processes(tmp_path)) == 1
    process.send_signal(signal.SIGKILL)
    within(5, lambda: java_processes(tmp_path) == [])


def test_java_ends_when_its_supervisor_is_killed(start, tmp_path):
    """The process between us and Java may be killed too."""
    start()
    (java,) = java_processes(tmp_path)
    supervisor = int(Path(f"/proc/{java}/stat").read_text().rsplit(")", 1)[1].split()[1])
    os.kill(supervisor, signal.SIGKILL)
    within(5, lambda: java_processes(tmp_path) == [])


def test_a_start_waits_for_the_nodes_of_a_killed_owner(owner, start):
    """The data of a killed process can be used again at once."""
    process, servers = owner
    produce(servers, "kept", b"one")
    process.send_signal(signal.SIGKILL)
    process.wait(5)
    assert read(start().bootstrap_servers, "kept", 1) == [b"one"]


def test_a_second_broker_on_the_same_data_is_refused(owner, start):
    """One sentence, at once, and the first goes on."""
    process, servers = owner
    with pytest.raises(EmbeddedKafkaError, match="already runs on the data"):
        start()
    produce(servers, "still", b"there")
    assert process.poll() is None


def test_a_port_in_use_is_refused_before_java_starts(start, tmp_path):
    """The sentence names the port, the hint the option."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
        with pytest.raises(EmbeddedKafkaError, match=f"Port {port} is in use"):
            start(port=port)
    assert java_processes(tmp_path) == []


def test_a_start_that_fails_shows_the_last_of_its_log(start, tmp_path):
    """Kafka's own words are in the cause, and nothing is left running."""
    with pytest.raises(EmbeddedKafkaError, match="ended while it was starting") as caught:
        start(settings={"log.retention.hours": "soon"})
    assert "log.retention.hours" in caught.value.cause
    assert java_processes(tmp_path) == []


def test_java_that_refuses_its_options_is_quoted(start):
    """What Java says reaches the user."""
    with pytest.raises(EmbeddedKafkaError, match="ended") as caught:
        start(java_options=["-XX:+NoSuchOption"])
    assert "NoSuchOption" in caught.value.cause


def test_a_start_that_takes_too_long_ends(installation, tmp_path):
    """The deadline counts, and nothing is left running."""
    kafka = EmbeddedKafka(installation, tmp_path / "kafka", port=0)
    with pytest.raises(EmbeddedKafkaError, match="not ready in time"):
        kafka.start(0.05)
    assert java_processes(tmp_path) == []


def test_another_number_of_nodes_is_refused(start):
    """A cluster keeps its size."""
    start().stop()
    with pytest.raises(EmbeddedKafkaError, match="belong to 1 nodes"):
        start(nodes=3)


def test_clusters_can_lose_a_node_and_take_it_back(kafka_cluster):
    """Three nodes over TLS with SASL go on with two."""
    cluster = kafka_cluster(3, protocols=["SASL_SSL"], users=USERS)
    assert len(cluster.bootstrap_servers.split(",")) == 3
    security = cluster.client_settings("SASL_SSL", user="ann", mechanism="SCRAM-SHA-256")
    produce(cluster.bootstrap_servers, "copied", b"one", **security)
    cluster.embedded.kill_node(3)
    produce(cluster.bootstrap_servers, "copied", b"two", **security)
    cluster.embedded.start_node(3)
    assert read(cluster.bootstrap_servers, "copied", 2, **security) == [b"one", b"two"]


@pytest.mark.parametrize("mechanism", ["PLAIN", "SCRAM-SHA-256", "SCRAM-SHA-512"])
@pytest.mark.parametrize("user", USERS)
def test_users_log_in_with_each_mechanism(sasl_node, mechanism, user):
    """Passwords may hold quotes and blanks."""
    security = sasl_node.client_settings("SASL_PLAINTEXT", user=user, mechanism=mechanism)
    produce(sasl_node.servers("SASL_PLAINTEXT"), f"of-{user}", b"one", **security)


@pytest.fixture(scope="module")
def sasl_node(installation, tmp_path_factory):
    """One node with users."""
    folder = tmp_path_factory.mktemp("sasl")
    embedded = EmbeddedKafka(installation, folder, listeners=[Listener("SASL_PLAINTEXT")], users=USERS)
    embedded.start()
    yield TestKafka(embedded, users=USERS)
    embedded.kill()


def test_client_certificates_are_demanded(kafka_cluster):
    """Mutual TLS: with a certificate a record goes in, without one nothing does."""
    node = kafka_cluster(protocols=["SSL"], client_certificates=True)
    security = node.client_settings("SSL")
    produce(node.bootstrap_servers, "mutual", b"one", **security)
    without = {name: value for name, value in security.items() if "keystore" not in name}
    admin = AdminClient({"bootstrap.servers": node.bootstrap_servers, "log_level": 0, **without})
    with pytest.raises(Exception, match="_TRANSPORT"):
        admin.list_topics(timeout=3)


def test_an_end_on_a_full_disk_is_told_as_such(start):
    """Kafka halts when it cannot write, and says it in its log at best."""
    kafka = start()
    kafka.kill_node(1)
    assert (kafka.running, kafka.ended().cause) == (False, "")
    with kafka.log().open("a") as log:
        log.write("java.io.IOException: No space left on device\n")
    ended = kafka.ended()
    assert str(kafka.data_dir) in ended.cause
    assert "Free some space" in ended.hint
    assert str(kafka.log()) in ended.hint


def test_fetches_of_many_quiet_partitions_do_not_fill_its_memory(start):
    """Kafka's defaults keep what ended fetches have waited for: such a broker fell with the thousandth."""
    kafka, partitions, said = start(heap="256m"), 1_500, {}
    admin = AdminClient({"bootstrap.servers": kafka.bootstrap_servers})
    admin.create_topics([NewTopic("quiet", partitions, 1)])["quiet"].result(30)

    def on_statistics(text):
        brokers = json.loads(text)["brokers"].values()
        said["Fetch"] = sum(broker["req"].get("Fetch", 0) for broker in brokers)

    consumer = Consumer(
        {
            "bootstrap.servers": kafka.bootstrap_servers,
            "group.id": "unused",
            "fetch.wait.max.ms": 1,
            "statistics.interval.ms": 500,
            "stats_cb": on_statistics,
            "error_cb": lambda error: said.update(down=error),
        }
    )
    consumer.assign([TopicPartition("quiet", partition, 0) for partition in range(partitions)])
    assert fetches(consumer, said, 1_100) >= 1_100, said
    consumer.close()
