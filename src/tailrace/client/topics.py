"""Topics over HTTP."""

from collections.abc import Iterable, Mapping, Sequence
from typing import TypeVar
from urllib.parse import quote

import msgspec

from tailrace.client.exchange import Address, request
from tailrace.core.errors import TailraceError, Unavailable
from tailrace.core.ports import NewTopic, PartitionDetail, TopicDetail
from tailrace.protocol.routes_bodies import Topic, TopicChange, TopicIn, TopicList, TopicRow

T = TypeVar("T")


def topic_rows(address: Address) -> Sequence[TopicRow]:
    """All topics that one may describe."""
    return _decode(request(address, "GET", "/v1/topics"), TopicList).topics


def ends_of(address: Address, topics: Sequence[str]) -> dict[tuple[str, int], int]:
    """The next offset of each partition, for progress only: empty where it may not be asked."""
    admin = GatewayAdmin(address)
    try:
        return {(name, p.partition): p.latest for name in topics for p in admin.describe(name).partitions}
    except TailraceError:
        return {}


class GatewayAdmin:
    """Makes, shows and changes topics, as far as the caller's grants go."""

    def __init__(self, address: Address) -> None:
        self._address = address

    def describe(self, name: str) -> TopicDetail:
        """One topic."""
        topic = _decode(request(self._address, "GET", _path(name)), Topic)
        partitions = [
            PartitionDetail(p.partition, p.leader, p.replicas, p.in_sync_replicas, p.earliest, p.latest)
            for p in topic.partitions
        ]
        return TopicDetail(topic.name, "", partitions, topic.config, topic.internal)

    def create(self, topics: Iterable[NewTopic]) -> None:
        """Make topics and wait until they can be used."""
        for topic in topics:
            wanted = TopicIn(topic.name, topic.partitions, topic.replicas, dict(topic.config))
            request(self._address, "POST", "/v1/topics", msgspec.json.encode(wanted))

    def configure(self, name: str, config: Mapping[str, str | None]) -> None:
        """Set values; None goes back to the broker's default."""
        self._change(name, TopicChange(config=dict(config)))

    def grow(self, name: str, partitions: int) -> None:
        """Raise the number of partitions."""
        self._change(name, TopicChange(partitions=partitions))

    def delete(self, name: str) -> None:
        """Delete the topic and its records."""
        request(self._address, "DELETE", _path(name))

    def _change(self, name: str, change: TopicChange) -> None:
        request(self._address, "PATCH", _path(name), msgspec.json.encode(change))


def _path(name: str) -> str:
    return f"/v1/topics/{quote(name, safe='')}"


def _decode(body: bytes, kind: type[T]) -> T:
    try:
        return msgspec.json.decode(body, type=kind)
    except msgspec.MsgspecError as error:
        raise Unavailable(
            "The answer is not a gateway's.", cause=str(error), hint="Check the address (--url)."
        ) from None
