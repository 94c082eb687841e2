"""The settings of one node, and the text of its server.properties."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final, Literal

Protocol = Literal["PLAINTEXT", "SSL", "SASL_PLAINTEXT", "SASL_SSL"]
Mechanism = Literal["PLAIN", "SCRAM-SHA-256", "SCRAM-SHA-512"]

INTERNAL_TOPIC_PARTITIONS: Final = 4
"""Kafka's default of 50 costs time at first use and at each start; an embedded broker has few groups."""

SESSION_MS: Final = 3000
"""After kill -9 a node is let in again only when its old session is over; Kafka's default makes that 9 s."""


@dataclass(frozen=True)
class Listener:
    """One way in for clients.

    Args:
        protocol: what is spoken; it is the listener's name too, so each may stand once.
        port: the first node's port, the next nodes take the following ones; 0 takes free ones.
        host: the address to bind.
        advertise: the name that clients are told to come back to; `host` unless said.
        keystore: PKCS12 file with the server's key, for SSL; `password` opens it.
        truststore: PKCS12 file with the clients' authorities; given, clients must show a certificate.
        mechanisms: for SASL.
    """

    protocol: Protocol = "PLAINTEXT"
    port: int = 0
    host: str = "127.0.0.1"
    advertise: str = ""
    keystore: Path | None = None
    truststore: Path | None = None
    password: str = ""
    mechanisms: tuple[Mechanism, ...] = ("PLAIN", "SCRAM-SHA-256", "SCRAM-SHA-512")

    @property
    def name(self) -> str:
        """The listener's name in Kafka's settings."""
        return self.protocol

    @property
    def reached_at(self) -> str:
        """The host under which clients reach it."""
        return self.advertise or ("127.0.0.1" if self.host in {"0.0.0.0", "::"} else self.host)  # noqa: S104  # compared, not bound


@dataclass(frozen=True)
class NodeSettings:
    """All that one node is started with."""

    node_id: int
    controllers: Mapping[int, int]
    """Port of each node's controller."""
    internal_port: int
    """Port of the listener between the nodes; clients never see it, so it works whatever is advertised."""
    listeners: Mapping[Listener, int]
    """Each listener and its port on this node."""
    log_folder: Path
    users: Mapping[str, str] = field(default_factory=dict)
    auto_create_topics: bool = True
    overrides: Mapping[str, str] = field(default_factory=dict)

    def properties(self) -> dict[str, str]:
        """Name and value of each setting."""
        return {
            **self._roles(),
            **self._addresses(),
            **self._topics(),
            **self._memory(),
            **{k: v for listener in self.listeners for k, v in _security(listener, self.users).items()},
            **self.overrides,
        }

    def _roles(self) -> dict[str, str]:
        voters = ",".join(f"{node}@127.0.0.1:{port}" for node, port in self.controllers.items())
        return {
            "process.roles": "broker,controller",
            "node.id": str(self.node_id),
            "controller.quorum.voters": voters,
            "controller.listener.names": "CONTROLLER",
            "inter.broker.listener.name": "INTERNAL",
            "log.dirs": str(self.log_folder),
            "broker.session.timeout.ms": str(SESSION_MS),
            "broker.heartbeat.interval.ms": str(SESSION_MS // 6),
        }

    def _addresses(self) -> dict[str, str]:
        internal = f"INTERNAL://127.0.0.1:{self.internal_port}"
        controller = f"CONTROLLER://127.0.0.1:{self.controllers[self.node_id]}"
        bound = [f"{li.name}://{li.host}:{port}" for li, port in self.listeners.items()]
        advertised = [f"{li.name}://{li.reached_at}:{port}" for li, port in self.listeners.items()]
        protocols = [f"{li.name}:{li.protocol}" for li in self.listeners]
        return {
            "listeners": ",".join([internal, controller, *bound]),
            "advertised.listeners": ",".join([internal, *advertised]),
            "listener.security.protocol.map": ",".join(
                ["INTERNAL:PLAINTEXT", "CONTROLLER:PLAINTEXT", *protocols]
            ),
        }

    def _topics(self) -> dict[str, str]:
        nodes = len(self.controllers)
        copies, in_sync = str(nodes), str(2 if nodes > 2 else 1)
        return {
            "auto.create.topics.enable": str(self.auto_create_topics).lower(),
            "num.partitions": "1",
            "default.replication.factor": copies,
            "offsets.topic.replication.factor": copies,
            "offsets.topic.num.partitions": str(INTERNAL_TOPIC_PARTITIONS),
            "transaction.state.log.replication.factor": copies,
            "transaction.state.log.min.isr": in_sync,
            "transaction.state.log.num.partitions": str(INTERNAL_TOPIC_PARTITIONS),
            "share.coordinator.state.topic.replication.factor": copies,
            "share.coordinator.state.topic.min.isr": in_sync,
            "share.coordinator.state.topic.num.partitions": str(INTERNAL_TOPIC_PARTITIONS),
            "group.initial.rebalance.delay.ms": "0",
            "group.min.session.timeout.ms": "6000",
        }

    def _memory(self) -> dict[str, str]:
        """What fits a heap of half a gigabyte, where Kafka's defaults are made for several.

        Kafka keeps a thousand fetches that have ended, each with all its partitions: a consumer of 1,000
        quiet ones takes the broker down with an OutOfMemoryError. The cleaner of compacted topics takes its
        memory at the start.
        """
        return {
            "fetch.purgatory.purge.interval.requests": "20",
            "log.cleaner.dedupe.buffer.size": str(32 * 1024 * 1024),
        }


def _security(listener: Listener, users: Mapping[str, str]) -> dict[str, str]:
    prefix = f"listener.name.{listener.name.lower()}."
    settings: dict[str, str] = {}
    if listener.protocol.endswith("SSL"):
        settings |= _tls(prefix, listener)
    if listener.protocol.startswith("SASL"):
        settings |= _sasl(prefix, listener, users)
    return settings


def _tls(prefix: str, listener: Listener) -> dict[str, str]:
    settings = {
        f"{prefix}ssl.keystore.type": "PKCS12",
        f"{prefix}ssl.keystore.location": str(listener.keystore),
        f"{prefix}ssl.keystore.password": listener.password,
    }
    if listener.truststore:
        settings |= {
            f"{prefix}ssl.client.auth": "required",
            f"{prefix}ssl.truststore.type": "PKCS12",
            f"{prefix}ssl.truststore.location": str(listener.truststore),
            f"{prefix}ssl.truststore.password": listener.password,
        }
    return settings


def _sasl(prefix: str, listener: Listener, users: Mapping[str, str]) -> dict[str, str]:
    modules = "org.apache.kafka.common.security"
    known = "".join(f" user_{user}={_quoted(password)}" for user, password in users.items())
    logins = {
        "PLAIN": f"{modules}.plain.PlainLoginModule required{known};",
        "SCRAM-SHA-256": f"{modules}.scram.ScramLoginModule required;",
        "SCRAM-SHA-512": f"{modules}.scram.ScramLoginModule required;",
    }
    settings = {f"{prefix}sasl.enabled.mechanisms": ",".join(listener.mechanisms)}
    for mechanism in listener.mechanisms:
        settings[f"{prefix}{mechanism.lower()}.sasl.jaas.config"] = logins[mechanism]
    return settings


def _quoted(text: str) -> str:
    escaped = text.replace("\\", "\\\\").replace('"', '\\"')
    return f'"{escaped}"'


def properties_text(settings: Mapping[str, str]) -> str:
    """The text of a Java properties file, in ASCII."""
    return "".join(f"{name}={_escaped(value)}\n" for name, value in settings.items())


def _escaped(value: str) -> str:
    """Java's escapes: a backslash doubled, a leading blank kept, the rest beyond ASCII in UTF-16 units."""
    text = value.replace("\\", "\\\\")
    if text.startswith(" "):
        text = f"\\{text}"
    return "".join(c if " " <= c <= "~" else _utf16_escapes(c) for c in text)


def _utf16_escapes(character: str) -> str:
    units = character.encode("utf-16-be")
    return "".join(f"\\u{units[i]:02x}{units[i + 1]:02x}" for i in range(0, len(units), 2))
