"""The fixtures; `tailrace.testing` says what each is for."""

import typing
import uuid
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Final

import pytest

from tailrace.broker import EmbeddedKafka, Installation, Listener, install
from tailrace.broker.settings import Protocol
from tailrace.testing.certificates import Certificates, make_certificates
from tailrace.testing.sessions import TestKafka

TOPIC_SECONDS: Final = 20.0
"""For a topic to be made and led; it takes milliseconds unless the machine hangs."""
HEAP: Final = "384m"


class TopicMaker(typing.Protocol):
    """Makes a topic and gives its name."""

    def __call__(
        self, name: str = "", *, partitions: int = 1, config: Mapping[str, str] | None = None
    ) -> str:
        """Make one; its name is a new one unless given."""


class ClusterMaker(typing.Protocol):
    """Starts a cluster that ends with the test."""

    def __call__(
        self,
        nodes: int = 1,
        *,
        protocols: Sequence[Protocol] = ("PLAINTEXT",),
        users: Mapping[str, str] | None = None,
        client_certificates: bool = False,
        settings: Mapping[str, str] | None = None,
    ) -> TestKafka:
        """Start one; clients reach it by each of the protocols."""


@pytest.fixture(scope="session")
def installation() -> Installation:
    """Kafka's jars and Java, downloaded at the first use on a machine."""
    return install()


@pytest.fixture(scope="session")
def kafka(installation: Installation, tmp_path_factory: pytest.TempPathFactory) -> Iterator[TestKafka]:
    """One node for the whole session; a test that kills it starts it again."""
    embedded = EmbeddedKafka(installation, tmp_path_factory.mktemp("kafka"), port=0, heap=HEAP)
    embedded.start()
    try:
        yield TestKafka(embedded)
    finally:
        embedded.kill()  # nobody needs the data


@pytest.fixture
def make_topic(kafka: TestKafka) -> TopicMaker:
    """Make topics with partitions and settings on the session's node."""

    def make(name: str = "", *, partitions: int = 1, config: Mapping[str, str] | None = None) -> str:
        name = name or f"t-{uuid.uuid4().hex[:12]}"
        _create_topic(kafka.bootstrap_servers, name, partitions, config or {})
        return name

    return make


@pytest.fixture
def topic(make_topic: TopicMaker) -> str:
    """A new topic of one partition."""
    return make_topic()


@pytest.fixture(scope="session")
def certificates(installation: Installation, tmp_path_factory: pytest.TempPathFactory) -> Certificates:
    """Certificates of a server and a client."""
    return make_certificates(tmp_path_factory.mktemp("certificates"), installation.java)


@pytest.fixture
def kafka_cluster(
    installation: Installation, tmp_path_factory: pytest.TempPathFactory, request: pytest.FixtureRequest
) -> Iterator[ClusterMaker]:
    """Start clusters of one to three nodes; each ends with the test."""
    started: list[EmbeddedKafka] = []

    def start(
        nodes: int = 1,
        *,
        protocols: Sequence[Protocol] = ("PLAINTEXT",),
        users: Mapping[str, str] | None = None,
        client_certificates: bool = False,
        settings: Mapping[str, str] | None = None,
    ) -> TestKafka:
        encrypted = any(name.endswith("SSL") for name in protocols)
        made = request.getfixturevalue("certificates") if encrypted else None
        trust = made.truststore if made and client_certificates else None
        embedded = EmbeddedKafka(
            installation,
            tmp_path_factory.mktemp("cluster"),
            listeners=[_listener(name, made, trust) for name in protocols],
            nodes=nodes,
            heap=HEAP,
            users=users,
            settings=settings,
        )
        started.append(embedded)
        embedded.start()
        return TestKafka(embedded, users=users, certificates=made)

    try:
        yield start
    finally:
        for embedded in started:
            embedded.kill()


def _listener(protocol: Protocol, made: Certificates | None, trust: Path | None) -> Listener:
    if made is None or not protocol.endswith("SSL"):
        return Listener(protocol)
    return Listener(protocol, keystore=made.server_keystore, truststore=trust, password=made.password)


def _create_topic(servers: str, name: str, partitions: int, config: Mapping[str, str]) -> None:
    from confluent_kafka.admin import AdminClient  # noqa: PLC0415  # heavy, and not every test needs it
    from confluent_kafka.cimpl import NewTopic  # noqa: PLC0415  # likewise

    admin = AdminClient({"bootstrap.servers": servers})
    wanted = NewTopic(name, partitions, 1, config=dict(config))
    admin.create_topics([wanted], operation_timeout=TOPIC_SECONDS)[name].result(TOPIC_SECONDS)
