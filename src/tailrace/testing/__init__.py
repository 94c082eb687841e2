"""A pytest plugin: real Kafka for tests, with `pytest_plugins = ["tailrace.testing"]` in conftest.py.

kafka          one node for the whole session
topic          a new topic of one partition on it, by name
make_topic     the same with partitions, settings and a name of your choice
kafka_cluster  clusters of one to three nodes, with TLS and SASL where wanted
certificates   a server's and a client's, for TLS of any kind
"""

from tailrace.testing.certificates import Certificates
from tailrace.testing.fixtures import (
    ClusterMaker,
    TopicMaker,
    certificates,
    installation,
    kafka,
    kafka_cluster,
    make_topic,
    topic,
)
from tailrace.testing.sessions import TestKafka

__all__ = [
    "Certificates",
    "ClusterMaker",
    "TestKafka",
    "TopicMaker",
    "certificates",
    "installation",
    "kafka",
    "kafka_cluster",
    "make_topic",
    "topic",
]
