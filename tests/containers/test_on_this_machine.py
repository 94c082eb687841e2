"""What the compose files start, started here: Kafka with their settings, and their gateway beside it."""

import os
import re
import signal
import subprocess
import sys

import httpx
import pytest
from confluent_kafka import Producer

SECONDS = 30
MAIN = [sys.executable, "-c", "from tailrace.cli import main; main()"]
OF_CONTAINERS = re.compile("CLUSTER_ID|KAFKA_(NODE_ID|.*LISTENER.*|CONTROLLER_.*|LOG_DIRS)")
"""Addresses and folders, which are others here."""


def kafka_settings(broker):
    """A container's variables as the image makes settings of them."""
    given = broker["environment"].items()
    kept = {k: v for k, v in given if not OF_CONTAINERS.fullmatch(k)}
    return {k.removeprefix("KAFKA_").lower().replace("_", "."): v for k, v in kept.items()}


def start_gateway(gateway, brokers, root, environ):
    """The command of a compose file's gateway, on a port of loopback."""
    config, inside = gateway["volumes"][0].split(":")[:2]
    command = [brokers if "kafka" in word else word for word in gateway["command"]]
    given = gateway["environment"] | {"TAILRACE_SERVER_HOST": "127.0.0.1", "TAILRACE_SERVER_PORT": "0"}
    assert given["TAILRACE_CONFIG"] == inside
    given["TAILRACE_CONFIG"] = str(root / config)
    return subprocess.Popen([*MAIN, *command], env=environ | given, stderr=subprocess.PIPE)


def address(process):
    """Where a gateway says that it listens."""
    for line in iter(process.stderr.readline, b""):
        if found := re.search(rb"http://[\d.]+:\d+", line):
            return found[0].decode()
    raise AssertionError("the gateway ended")


@pytest.mark.kafka
def test_its_services_work_together(each_compose, kafka_cluster, root, bare_environment):
    """Kafka takes the settings, a topic of the first use has its copies, and anybody may read it."""
    brokers = list(each_compose.brokers().values())
    kafka = kafka_cluster(len(brokers), settings=kafka_settings(brokers[0]))
    producer = Producer({"bootstrap.servers": kafka.bootstrap_servers, "acks": "all"})
    producer.produce("demo", "first")
    assert producer.flush(SECONDS) == 0
    (partition,) = producer.list_topics("demo").topics["demo"].partitions.values()
    assert len(partition.replicas) == len(brokers)
    gateway = next(s for s in each_compose()["services"].values() if s["image"] == "tailrace")
    process = start_gateway(gateway, kafka.bootstrap_servers, root, bare_environment)
    try:
        url = address(process)
        page = httpx.get(f"{url}/v1/topics/demo/records", timeout=SECONDS).json()
        assert [record["value"] for record in page["records"]] == ["first"]
        assert httpx.get(f"{url}/v1/topics/other/records", timeout=SECONDS).status_code in {401, 403}
    finally:
        os.kill(process.pid, signal.SIGTERM)
        process.communicate(timeout=SECONDS)
