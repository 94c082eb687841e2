"""The cluster that a test or a session holds."""

from collections.abc import Mapping

from tailrace.broker import EmbeddedKafka
from tailrace.broker.settings import Mechanism, Protocol
from tailrace.testing.certificates import Certificates


class TestKafka:
    """A running cluster, what tests do to it, and how its clients are set."""

    __test__ = False
    """Not a class of tests, whatever pytest thinks of its name."""

    def __init__(
        self,
        embedded: EmbeddedKafka,
        *,
        users: Mapping[str, str] | None = None,
        certificates: Certificates | None = None,
    ) -> None:
        self.embedded = embedded
        self.certificates = certificates
        self._users = users or {}

    @property
    def bootstrap_servers(self) -> str:
        """Where clients begin."""
        return self.embedded.bootstrap_servers

    def servers(self, protocol: Protocol) -> str:
        """Where clients of one protocol begin."""
        return self.embedded.servers(protocol)

    def client_settings(
        self, protocol: Protocol, *, user: str = "", mechanism: Mechanism = "PLAIN"
    ) -> dict[str, str]:
        """librdkafka's settings for one protocol: the authority, a client's certificate, a login."""
        settings: dict[str, str] = {"security.protocol": protocol}
        if protocol.endswith("SSL") and self.certificates:
            settings |= {
                "ssl.ca.location": str(self.certificates.server_pem),
                "ssl.keystore.location": str(self.certificates.client_keystore),
                "ssl.keystore.password": self.certificates.password,
            }
        if protocol.startswith("SASL"):
            login = {"sasl.username": user, "sasl.password": self._users[user]}
            settings |= {"sasl.mechanism": mechanism, **login}
        return settings

    def kill(self) -> None:
        """End it as kill -9 does; `start` brings it back on the same ports with its data."""
        self.embedded.kill()

    def stop(self) -> None:
        """End it cleanly."""
        self.embedded.stop()

    def start(self) -> None:
        """Start it again."""
        self.embedded.start()

    def restart(self) -> None:
        """End it cleanly and start it again, on the same ports."""
        self.stop()
        self.start()
