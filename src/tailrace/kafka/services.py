"""What services use of a Kafka cluster."""

import threading
from collections.abc import Collection

from confluent_kafka.admin import AdminClient

from tailrace.core.groups import GroupReader, OnRevoked, Sender, StartAt
from tailrace.kafka.connection import asking_settings
from tailrace.kafka.group import KafkaGroupReader
from tailrace.kafka.sender import KafkaSender
from tailrace.kafka.settings import ClientSettings, client_config
from tailrace.kafka.solo import KafkaSoloReader
from tailrace.kafka.topic_looks import TopicLooks


class KafkaServices:
    """Opens readers and senders of one cluster; see Services."""

    def __init__(self, settings: ClientSettings) -> None:
        self._settings = settings
        self._admin_client: AdminClient | None = None
        self._lock = threading.Lock()

    def reader(
        self,
        topics: Collection[str],
        group: str | None,
        start: StartAt,
        client_id: str,
        on_revoked: OnRevoked,
    ) -> GroupReader:
        """A new member, or without a group a reader of everything."""
        looks = TopicLooks(self._admin, topics)
        if group is None:
            return KafkaSoloReader(self._settings, topics, start, client_id, looks)
        return KafkaGroupReader(self._settings, topics, group, start, client_id, on_revoked, looks)

    def sender(self, client_id: str) -> Sender:
        """A new producer."""
        return KafkaSender(self._settings, client_id)

    def _admin(self) -> AdminClient:
        """One for all readers of the process."""
        with self._lock:
            if self._admin_client is None:
                self._admin_client = AdminClient(asking_settings(client_config(self._settings)))
            return self._admin_client
