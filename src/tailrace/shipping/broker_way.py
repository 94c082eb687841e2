"""A task's topic straight at brokers."""

import contextlib
import time

from tailrace.core.errors import TopicExists
from tailrace.core.ports import NewTopic
from tailrace.core.scans import Scan, ScanRequest
from tailrace.kafka.admin import KafkaAdmin
from tailrace.kafka.outbox import KafkaOutbox
from tailrace.kafka.scan import KafkaScan
from tailrace.kafka.settings import ClientSettings
from tailrace.shipping.ways import PARTITIONS, Outbox, checked


class BrokerWay:
    """Makes, writes and reads the topic."""

    def __init__(self, settings: ClientSettings, topic: str) -> None:
        self.topic = checked(topic)
        self._settings = settings

    def open(self) -> Outbox:
        """Begin to write; raises TopicNotFound."""
        return KafkaOutbox(self._settings, self.topic)

    def make(self) -> None:
        """Make the topic."""
        with contextlib.suppress(TopicExists):
            KafkaAdmin(self._settings).create([NewTopic(self.topic, PARTITIONS)])

    def scan(self, request: ScanRequest) -> Scan:
        """Read."""
        return KafkaScan(self._settings, request, time.time_ns() // 1_000_000)
