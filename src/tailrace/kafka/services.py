"""What services use of a Kafka cluster."""

from collections.abc import Collection

from tailrace.core.groups import GroupReader, OnRevoked, Sender, StartAt
from tailrace.kafka.group import KafkaGroupReader
from tailrace.kafka.sender import KafkaSender
from tailrace.kafka.settings import ClientSettings
from tailrace.kafka.solo import KafkaSoloReader


class KafkaServices:
    """Opens readers and senders of one cluster; see Services."""

    def __init__(self, settings: ClientSettings) -> None:
        self._settings = settings

    def reader(
        self,
        topics: Collection[str],
        group: str | None,
        start: StartAt,
        client_id: str,
        on_revoked: OnRevoked,
    ) -> GroupReader:
        """A new member, or without a group a reader of everything."""
        if group is None:
            return KafkaSoloReader(self._settings, topics, start, client_id)
        return KafkaGroupReader(self._settings, topics, group, start, client_id, on_revoked)

    def sender(self, client_id: str) -> Sender:
        """A new producer."""
        return KafkaSender(self._settings, client_id)
