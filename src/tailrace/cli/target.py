"""Whom a command talks to: a gateway or brokers, behind the same ports."""

import os
import time
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Protocol

import click

from tailrace.core.ports import NewRecord, NewTopic, TopicDetail
from tailrace.core.scans import Load, Scan, ScanRequest

if TYPE_CHECKING:  # the modules are heavy: a command imports only the adapter that it uses
    from tailrace.client.exchange import Address
    from tailrace.kafka.admin import KafkaAdmin
    from tailrace.kafka.settings import ClientSettings
    from tailrace.protocol.routes_bodies import TopicRow
    from tailrace.shipping.ways import Way

DEFAULT_BROKER = "localhost:9092"
# What other clients call --broker.
_BROKER_SETTINGS = frozenset({"bootstrap_servers", "bootstrap.servers", "metadata.broker.list"})


class TopicEditor(Protocol):
    """What commands do to single topics, as TopicAdmin says it."""

    def describe(self, name: str) -> TopicDetail:
        """One topic."""
        ...

    def create(self, topics: Iterable[NewTopic]) -> None:
        """Make topics and wait until they can be used."""
        ...

    def configure(self, name: str, config: Mapping[str, str | None]) -> None:
        """Set values; None goes back to the broker's default."""
        ...

    def grow(self, name: str, partitions: int) -> None:
        """Raise the number of partitions."""
        ...

    def delete(self, name: str) -> None:
        """Delete the topic and its records."""
        ...


@dataclass(frozen=True, slots=True)
class Target:
    """Where to read and write; `url` empty means brokers."""

    url: str
    broker: str
    token: str | None
    config: str | None
    client: Mapping[str, str]

    @classmethod
    def choose(
        cls,
        url: str | None,
        broker: str | None,
        token: str | None,
        config: str | None,
        client: Sequence[str],
        environ: Mapping[str, str] = os.environ,
    ) -> "Target":
        """Options win over the environment; in the environment the gateway wins over the broker."""
        settings = _pairs(client)
        for name in _BROKER_SETTINGS & settings.keys():
            if broker:
                raise click.UsageError(f"--broker and -X {name} exclude each other.")
            broker = settings.pop(name)
        if url and broker:
            raise click.UsageError("--url and --broker exclude each other.")
        if not url and not broker:
            url = environ.get("TAILRACE_URL")
            broker = environ.get("TAILRACE_BROKER")
        return cls(url or "", broker or "", token, config, settings)

    def scan(self, request: ScanRequest, filter_: str | None = None) -> Scan:
        """Read topics, or what a filter expression lets through of them."""
        if self.url:
            from tailrace.client.scan import GatewayScan  # noqa: PLC0415  # imported when used

            return GatewayScan(self._address(), request, filter_)
        if filter_ is None:
            return self._kafka_scan(request)
        from tailrace.cli.filtered import FilteredScan  # noqa: PLC0415  # likewise
        from tailrace.protocol.filters import parse_filter  # noqa: PLC0415  # likewise

        match = parse_filter(filter_)
        return FilteredScan(self._kafka_scan(replace(request, limit=None)), match, request.limit)

    def _kafka_scan(self, request: ScanRequest) -> Scan:
        from tailrace.kafka.scan import KafkaScan  # noqa: PLC0415  # imported when used

        return KafkaScan(self._settings(), request, time.time_ns() // 1_000_000)

    def load_records(self, topic: str) -> Load[NewRecord]:
        """Write whole records."""
        if self.url:
            from tailrace.client.load import GatewayRecordLoad  # noqa: PLC0415  # imported when used

            return GatewayRecordLoad(self._address(), topic)
        from tailrace.kafka.load import KafkaRecordLoad  # noqa: PLC0415  # likewise

        return KafkaRecordLoad(self._settings(), topic)

    def load_values(self, topic: str) -> Load[bytes]:
        """Write bare values."""
        if self.url:
            from tailrace.client.load import GatewayValueLoad  # noqa: PLC0415  # imported when used

            return GatewayValueLoad(self._address(), topic)
        from tailrace.kafka.load import KafkaValueLoad  # noqa: PLC0415  # likewise

        return KafkaValueLoad(self._settings(), topic)

    def way(self, topic: str) -> "Way":
        """Write a topic for as long as it takes."""
        if self.url:
            from tailrace.shipping.gateway_way import GatewayWay  # noqa: PLC0415  # imported when used

            return GatewayWay(self._address(), topic)
        from tailrace.shipping.broker_way import BrokerWay  # noqa: PLC0415  # likewise

        return BrokerWay(self._settings(), topic)

    def admin(self) -> TopicEditor:
        """Make, show and change topics."""
        if self.url:
            from tailrace.client.topics import GatewayAdmin  # noqa: PLC0415  # imported when used

            return GatewayAdmin(self._address())
        return self._kafka_admin()

    def topic_rows(self) -> "Sequence[TopicRow]":
        """All topics as rows of a list, which is all that a gateway tells about many at once."""
        from tailrace.protocol.routes_bodies import topic_row  # noqa: PLC0415  # imported when used

        if self.url:
            from tailrace.client.topics import topic_rows  # noqa: PLC0415  # likewise

            return topic_rows(self._address())
        return [topic_row(detail) for detail in self._kafka_admin().list_topics()]

    def _kafka_admin(self) -> "KafkaAdmin":
        from tailrace.kafka.admin import KafkaAdmin  # noqa: PLC0415  # imported when used
        from tailrace.kafka.scan_places import Questions  # noqa: PLC0415  # likewise
        from tailrace.kafka.settings import client_config  # noqa: PLC0415  # likewise

        settings = self._settings()
        # A person waits: an administrator's deadline is longer, and what it says names no address.
        Questions(client_config(settings)).reach()
        return KafkaAdmin(settings)

    def _address(self) -> "Address":
        from tailrace.cli.logins import known, saved_logins  # noqa: PLC0415  # likewise
        from tailrace.client.exchange import Address  # noqa: PLC0415  # imported when used

        return known(Address.parse(self.url, self.token), saved_logins())

    def _settings(self) -> "ClientSettings":
        from tailrace import settings  # noqa: PLC0415  # imported when used
        from tailrace.kafka.settings import translate  # noqa: PLC0415  # likewise

        kafka = settings.load({"kafka.brokers": self.broker or None}, config=self.config).kafka
        client = {**kafka.client, **self.client}
        return translate({"bootstrap_servers": ",".join(kafka.brokers), **client})


def _pairs(given: Sequence[str]) -> dict[str, str]:
    pairs = {}
    for one in given:
        name, equals, value = one.partition("=")
        if not equals:
            raise click.UsageError(f"-X takes NAME=VALUE, not {one!r}.")
        pairs[name] = value
    return pairs
