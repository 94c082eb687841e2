"""The broker that a test session holds."""

from tailrace.broker import EmbeddedKafka


class TestKafka:
    """A running cluster and what tests do to it."""

    __test__ = False
    """Not a class of tests, whatever pytest thinks of its name."""

    def __init__(self, kafka: EmbeddedKafka) -> None:
        self.embedded = kafka

    @property
    def bootstrap_servers(self) -> str:
        """Where clients begin."""
        return self.embedded.bootstrap_servers

    def servers(self, protocol: str) -> str:
        """Where clients of one protocol begin."""
        return self.embedded.servers(protocol)

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
