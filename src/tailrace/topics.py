"""Topics from Python, as from the command line: straight against brokers.

    >>> from tailrace import topics
    >>> topics.create("orders", partitions=4, config={"retention.ms": "86400000"})
    >>> [topic.name for topic in topics.list()]
    ['orders']
    >>> topics.delete("orders")

Every function takes `broker` (host:port, several with commas; else TAILRACE_BROKER, else localhost:9092) and
`settings` (such as security_protocol, by kafka-python's or librdkafka's names). They raise TopicNotFound,
TopicExists, BadRequest, BrokerUnavailable and ConfigurationError of `tailrace.core.errors`.
"""

import os
from collections.abc import Mapping, Sequence

from tailrace.core.ports import NewTopic, TopicDetail
from tailrace.kafka.admin import KafkaAdmin
from tailrace.kafka.settings import translate

__all__ = ["TopicDetail", "configure", "create", "delete", "describe", "grow", "list"]

Settings = Mapping[str, object]


def list(*, broker: str | None = None, settings: Settings | None = None) -> Sequence[TopicDetail]:  # noqa: A001  # the verb of the command line
    """All topics with partitions and offsets, internal ones too, without their configuration.

    >>> sum(p.latest - p.earliest for topic in topics.list() for p in topic.partitions)
    1207
    """
    return _admin(broker, settings).list_topics()


def describe(name: str, *, broker: str | None = None, settings: Settings | None = None) -> TopicDetail:
    """One topic: leaders, replicas, offsets, and the configuration that differs from the broker's default.

    >>> topics.describe("orders").config
    {'retention.ms': '86400000'}
    """
    return _admin(broker, settings).describe(name)


def create(
    name: str,
    partitions: int | None = None,
    replicas: int | None = None,
    config: Mapping[str, str] | None = None,
    *,
    broker: str | None = None,
    settings: Settings | None = None,
) -> None:
    """Make a topic and wait until it can be used; what is left out is the broker's default.

    >>> topics.create("orders", partitions=4, config={"cleanup.policy": "compact"})
    """
    _admin(broker, settings).create([NewTopic(name, partitions, replicas, config or {})])


def configure(
    name: str,
    config: Mapping[str, str | None],
    *,
    broker: str | None = None,
    settings: Settings | None = None,
) -> None:
    """Set values of a topic's configuration and leave the others; None goes back to the broker's default.

    >>> topics.configure("orders", {"retention.ms": "3600000", "cleanup.policy": None})
    """
    _admin(broker, settings).configure(name, config)


def grow(name: str, partitions: int, *, broker: str | None = None, settings: Settings | None = None) -> None:
    """Raise the number of partitions to this; keys may go to other partitions from then on.

    >>> topics.grow("orders", partitions=8)
    """
    _admin(broker, settings).grow(name, partitions)


def delete(name: str, *, broker: str | None = None, settings: Settings | None = None) -> None:
    """Delete a topic and its records, and wait until it is gone.

    >>> topics.delete("orders")
    """
    _admin(broker, settings).delete(name)


def _admin(broker: str | None, settings: Settings | None) -> KafkaAdmin:
    servers = broker or os.environ.get("TAILRACE_BROKER") or "localhost:9092"
    return KafkaAdmin(translate({"bootstrap_servers": servers, **(settings or {})}))
