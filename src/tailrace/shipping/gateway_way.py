"""A task's topic through a gateway."""

import contextlib

from tailrace.client.exchange import Address
from tailrace.client.outbox import GatewayOutbox
from tailrace.client.scan import GatewayScan
from tailrace.client.topics import GatewayAdmin
from tailrace.core.errors import TopicExists
from tailrace.core.ports import NewTopic
from tailrace.core.scans import Scan, ScanRequest
from tailrace.shipping.ways import PARTITIONS, Outbox, checked


class GatewayWay:
    """Writing needs the grant `write`, making the topic `create`, looking what is stored `read`."""

    def __init__(self, address: Address, topic: str) -> None:
        self.topic = checked(topic)
        self._address = address

    def open(self) -> Outbox:
        """Begin to write."""
        return GatewayOutbox(self._address, self.topic)

    def make(self) -> None:
        """Make the topic."""
        with contextlib.suppress(TopicExists):
            GatewayAdmin(self._address).create([NewTopic(self.topic, PARTITIONS)])

    def scan(self, request: ScanRequest) -> Scan:
        """Read."""
        return GatewayScan(self._address, request)
