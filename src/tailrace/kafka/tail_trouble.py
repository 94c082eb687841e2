"""What a tail consumer's thread does about lost positions, corrupt batches and open transactions."""

import logging
import threading
from collections import deque

from confluent_kafka import Consumer, Message

from tailrace.kafka import connection
from tailrace.kafka.connection import ClientSettings
from tailrace.kafka.reader_corrupt import first_readable
from tailrace.kafka.tail_events import Event, Lost, Stalled
from tailrace.kafka.tail_places import Place, Places

_log = logging.getLogger(__name__)

LOOK_SECONDS = 1.0


class Trouble:
    """Notes errors, and once in a while finds where to go on; used by one thread, but for its searches."""

    def __init__(self, consumer: Consumer, settings: ClientSettings, places: Places) -> None:
        self._consumer = consumer
        self._settings = settings
        self._places = places
        self._lost: list[Place] = []
        self._searched: deque[tuple[Place, int]] = deque()
        self._next_look = 0.0

    def note(self, message: Message) -> None:
        """Remember an error of a partition; errors of connections heal by themselves."""
        error = message.error()
        if error is None:
            return
        place = self._places.get(message.topic(), message.partition())
        code = error.code()
        if place is None or code not in connection.LOST | connection.CORRUPT:
            _log.warning("Kafka reports %s: %s", error.name(), error.str())
        elif place.lost_code is None:
            # After a corrupt batch librdkafka misparses offsets: only the first error counts.
            place.lost_code = code
            self._lost.append(place)

    def look(self, now: float) -> list[Event]:
        """What is to be told; asks brokers at most once a second."""
        events: list[Event] = []
        while self._searched:
            events += self._go_on(*self._searched.popleft(), "corrupt")
        if self._lost:
            noted, self._lost = self._lost, []
            for place in noted:
                events += self._find(place)
        if now >= self._next_look:
            self._next_look = now + LOOK_SECONDS
            for place in self._places.all():
                events += self._stalled(place, now)
        return events

    def _find(self, place: Place) -> list[Event]:
        if self._places.get(place.topic, place.partition) is not place:
            return []
        bounds = connection.ask_bounds(self._consumer, place.topic, place.partition)
        if bounds is None:
            self._lost.append(place)
            return []
        if place.lost_code in connection.CORRUPT:
            self._search(place, bounds[1])
            return []
        return self._lost_at(place, *bounds)

    def _lost_at(self, place: Place, earliest: int, latest: int) -> list[Event]:
        if place.position < earliest:
            return self._go_on(place, earliest, "retention")
        if place.position > latest or place.lost_code in connection.CUT:
            return self._go_on(place, min(place.position, latest), "truncated")
        # It is there: what librdkafka misparsed of a corrupt batch was reported late.
        return self._go_on(place, place.position, "corrupt")

    def _search(self, place: Place, end: int) -> None:
        # In a thread of its own, with a consumer of its own: other partitions go on meanwhile.
        self._consumer.incremental_unassign([place.asked])
        place.given_up = True

        def search() -> None:
            at = first_readable(self._settings, place.topic, place.partition, place.position, end)
            self._searched.append((place, at))

        threading.Thread(target=search, name="tailrace-tail-search", daemon=True).start()

    def _go_on(self, place: Place, resume_at: int, cause: str) -> list[Event]:
        if self._places.get(place.topic, place.partition) is not place:
            return []
        at, place.position, place.lost_code = place.position, resume_at, None
        if not place.given_up:
            self._consumer.incremental_unassign([place.asked])
        place.given_up = False
        self._consumer.incremental_assign([place.start()])
        if resume_at == at and cause != "truncated":
            return []
        return [Lost(place.watch, place.topic, place.partition, at, cause, resume_at)]

    def _stalled(self, place: Place, now: float) -> list[Event]:
        # What the consumer remembers is the log's end; what the broker answers is the stable end.
        known = self._consumer.get_watermark_offsets(place.asked, cached=True)
        if not known or place.lost_code is not None or not place.looks_stalled(known[1], now):
            return []
        bounds = connection.ask_bounds(self._consumer, place.topic, place.partition)
        if bounds is None:
            return []
        place.told_end = known[1]
        if bounds[1] >= known[1]:
            # Markers and aborted records, which nobody reads, lie at the end.
            return []
        return [Stalled(place.watch, place.topic, place.partition, bounds[1])]
