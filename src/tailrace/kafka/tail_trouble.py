"""What a tail consumer's thread does about lost positions, corrupt batches and open transactions."""

import logging
import threading
from collections import deque
from collections.abc import Callable
from functools import partial

from confluent_kafka import Consumer, Message, TopicPartition

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
        # What could not be found out; asked again with the next look.
        self._failed: deque[Place] = deque()
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
        for _ in range(len(self._searched)):
            place, at = self._searched.popleft()
            events += self._or_later(place, partial(self._go_on, place, at, "corrupt"))
        noted, self._lost = self._lost, []
        for place in noted:
            events += self._or_later(place, partial(self._find, place))
        if now >= self._next_look:
            self._next_look = now + LOOK_SECONDS
            while self._failed:
                self._lost.append(self._failed.popleft())
            for place in self._places.all():
                events += self._stalled(place, now)
        return events

    def _or_later(self, place: Place, step: Callable[[], list[Event]]) -> list[Event]:
        """A place that fails keeps nothing from the others, nor from being told."""
        try:
            return step()
        except Exception:  # noqa: BLE001 - otherwise its partition would stand still for ever
            _log.exception("%s/%d could not go on yet", place.topic, place.partition)
            self._failed.append(place)
            return []

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
        self._give_up(place)

        def search() -> None:
            try:
                at = first_readable(self._settings, place.topic, place.partition, place.position, end)
            except Exception as error:  # noqa: BLE001 - a thread's fault is told to nobody
                _log.warning(
                    "%s/%d: searching behind a corrupt batch failed: %s", place.topic, place.partition, error
                )
                self._failed.append(place)
            else:
                self._searched.append((place, at))

        threading.Thread(target=search, name="tailrace-tail-search", daemon=True).start()

    def _give_up(self, place: Place) -> None:
        if not place.given_up:
            self._consumer.incremental_unassign([place.asked])
            place.given_up = True

    def _go_on(self, place: Place, resume_at: int, cause: str) -> list[Event]:
        if self._places.get(place.topic, place.partition) is not place:
            return []
        self._give_up(place)
        self._consumer.incremental_assign([TopicPartition(place.topic, place.partition, resume_at)])
        at, place.position, place.lost_code, place.given_up = place.position, resume_at, None, False
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
