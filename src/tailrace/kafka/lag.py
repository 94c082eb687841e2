"""How far groups are behind, asked of the brokers. It blocks, so call it in a thread."""

from collections.abc import Collection, Mapping

from confluent_kafka import Consumer, KafkaException, TopicPartition
from confluent_kafka.admin import AdminClient, OffsetSpec  # type: ignore[attr-defined]  # it is public

from tailrace.core.groups import Spot
from tailrace.kafka.connection import asking_settings, known_offset
from tailrace.kafka.settings import ClientSettings, client_config, consumer_config

ANSWER_SECONDS = 2.0


class GroupLags:
    """Records that groups have not committed yet; one consumer a group, which never joins it."""

    # An administrator's client could ask for all groups at once, but ends the process where a group's
    # coordinator is not known yet (librdkafka 2.16: rd_kafka_cgrp_op without a group).

    def __init__(
        self, settings: ClientSettings, groups: Mapping[str, Collection[Spot]], perhaps: Collection[str] = ()
    ) -> None:
        """Ask about these groups; those that are `perhaps` used are told once they have committed."""
        self._admin = AdminClient(asking_settings(client_config(settings)))
        self._groups = groups
        self._perhaps = frozenset(perhaps)
        self._consumers = {group: Consumer(consumer_config(settings, group)) for group in groups}

    def ask(self) -> Mapping[str, int]:
        """For each group that can be asked, how far it is behind on all of its partitions."""
        latest = self._offsets(OffsetSpec.latest())  # type: ignore[no-untyped-call]  # the client's omission
        earliest = self._offsets(OffsetSpec.earliest())  # type: ignore[no-untyped-call]  # likewise
        lags = {}
        for group, wanted in self._groups.items():
            committed = self._committed(group, wanted)
            if committed is None or (not committed and group in self._perhaps):
                continue
            if all(spot in latest for spot in wanted):
                # What was never committed begins at the first record that there is.
                stands = {spot: committed.get(spot, earliest.get(spot, 0)) for spot in wanted}
                lags[group] = sum(max(0, latest[spot] - at) for spot, at in stands.items())
        return lags

    def close(self) -> None:
        """Ask no more."""
        for consumer in self._consumers.values():
            consumer.close()

    def _offsets(self, spec: OffsetSpec) -> dict[Spot, int]:
        places = {TopicPartition(*spot): spec for spots in self._groups.values() for spot in spots}
        if not places:
            return {}
        try:
            asked = self._admin.list_offsets(places, request_timeout=ANSWER_SECONDS)
        except KafkaException:
            return {}
        found = {}
        for place, future in asked.items():
            try:
                offset = known_offset(future.result(ANSWER_SECONDS).offset)
            except (KafkaException, TimeoutError):
                continue
            if offset is not None:
                found[Spot(place.topic, place.partition)] = offset
        return found

    def _committed(self, group: str, spots: Collection[Spot]) -> Mapping[Spot, int] | None:
        try:
            found = self._consumers[group].committed(
                [TopicPartition(*spot) for spot in spots], ANSWER_SECONDS
            )
        except KafkaException:
            return None
        return {Spot(one.topic, one.partition): one.offset for one in found if one.offset >= 0}
