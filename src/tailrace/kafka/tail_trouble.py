"""What a tail consumer's thread does about lost positions, corrupt batches and open transactions."""

import logging
import threading
import time
from collections import deque
from collections.abc import Callable, Sequence
from functools import partial
from typing import NamedTuple

from confluent_kafka import Consumer, Message, TopicPartition

from tailrace.kafka import connection
from tailrace.kafka.connection import ClientSettings
from tailrace.kafka.reader_corrupt import SEARCH_SECONDS, behind_corrupt
from tailrace.kafka.tail_assignment import AssignedPartition, Assignment
from tailrace.kafka.tail_events import Event, PositionLost, Stalled

_log = logging.getLogger(__name__)

LOOK_SECONDS = 1.0
# Partitions looked at in one turn: thousands in one go would keep the interpreter from the loop.
LOOK_PARTITIONS = 50


_Bounds = tuple[int, int]
"""The first offset and the last stable one."""


class _Question(NamedTuple):
    """What a partition's bounds are asked for: where to go on, or whether it is stalled before `end`."""

    part: AssignedPartition
    end: int | None = None


class Trouble:
    """Notes errors, and once in a while finds where to go on; used by one thread, but for what it asks."""

    def __init__(self, consumer: Consumer, settings: ClientSettings, assignment: Assignment) -> None:
        self._consumer = consumer
        self._settings = settings
        self._assignment = assignment
        self._lost: list[AssignedPartition] = []
        self._searched: deque[tuple[AssignedPartition, int]] = deque()
        self._asking = False
        self._answered: deque[tuple[_Question, _Bounds | None]] = deque()
        # What could not be found out; asked again with the next look.
        self._failed: deque[AssignedPartition] = deque()
        self._next_look = 0.0
        # What this look has still to see.
        self._unseen: list[AssignedPartition] = []

    def note(self, message: Message) -> None:
        """Remember an error of a partition; errors of connections heal by themselves."""
        error = message.error()
        if error is None:
            return
        part = self._assignment.get(message.topic(), message.partition())
        code = error.code()
        if part is None or code not in connection.LOST | connection.CORRUPT:
            _log.warning("Kafka reports %s: %s", error.name(), error.str())
        elif part.lost_code is None:
            # After a corrupt batch librdkafka misparses offsets: only the first error counts.
            part.lost_code = code
            self._lost.append(part)

    def look(self, now: float) -> list[Event]:
        """What is to be told; never waits for a broker, who may take seconds about each partition."""
        events: list[Event] = []
        for _ in range(len(self._searched)):
            part, at = self._searched.popleft()
            events += self._or_later(part, partial(self._go_on, part, at, "corrupt"))
        for _ in range(len(self._answered)):
            question, bounds = self._answered.popleft()
            events += self._or_later(question.part, partial(self._hear, question, bounds))
        if now >= self._next_look and not self._unseen:
            self._next_look = now + LOOK_SECONDS
            self._unseen = self._assignment.all()
            while self._failed:
                self._lost.append(self._failed.popleft())
        stalled = self._stalled(now)
        if not self._asking and (self._lost or stalled):
            noted, self._lost = self._lost, []
            self._ask([*map(_Question, noted), *stalled])
        return events

    def _or_later(self, part: AssignedPartition, step: Callable[[], list[Event]]) -> list[Event]:
        """A partition that fails keeps nothing from the others, nor from being told."""
        try:
            return step()
        except Exception:  # noqa: BLE001 - otherwise its partition would stand still for ever
            _log.exception("%s/%d could not go on yet", part.topic, part.partition)
            self._failed.append(part)
            return []

    def _ask(self, questions: Sequence[_Question]) -> None:
        """Ask in a thread, with a consumer of its own: this one may be closed meanwhile."""
        self._asking = True

        def ask() -> None:
            try:
                consumer = Consumer(connection.catch_up_settings(self._settings))
                for question in questions:
                    part = question.part
                    bounds = connection.ask_bounds(consumer, part.topic, part.partition)
                    self._answered.append((question, bounds))
                consumer.close()
            except Exception:  # noqa: BLE001 - a thread's fault is told to nobody
                _log.exception("asking about %d partitions failed", len(questions))
                self._failed.extend(question.part for question in questions if question.end is None)
            finally:
                self._asking = False

        threading.Thread(target=ask, name="tailrace-tail-ask", daemon=True).start()

    def _hear(self, question: _Question, bounds: _Bounds | None) -> list[Event]:
        part = question.part
        if self._assignment.get(part.topic, part.partition) is not part:
            return []
        if question.end is not None:
            return self._tell_stalled(part, question.end, bounds)
        if bounds is None:
            self._failed.append(part)
            return []
        if part.lost_code in connection.CORRUPT:
            self._search(part, bounds[1])
            return []
        return self._lost_at(part, *bounds)

    def _lost_at(self, part: AssignedPartition, earliest: int, latest: int) -> list[Event]:
        if part.position < earliest:
            return self._go_on(part, earliest, "retention")
        if part.position > latest or part.lost_code in connection.CUT:
            return self._go_on(part, min(part.position, latest), "truncated")
        # It is there: what librdkafka misparsed of a corrupt batch was reported late.
        return self._go_on(part, part.position, "corrupt")

    def _search(self, part: AssignedPartition, end: int) -> None:
        # In a thread of its own, with a consumer of its own: other partitions go on meanwhile.
        self._give_up(part)

        def search() -> None:
            try:
                here = (part.topic, part.partition, part.position)
                at = behind_corrupt(self._settings, *here, end, time.monotonic() + SEARCH_SECONDS)
            except Exception as error:  # noqa: BLE001 - a thread's fault is told to nobody
                _log.warning(
                    "%s/%d: searching behind a corrupt batch failed: %s",
                    part.topic,
                    part.partition,
                    error,
                )
                self._failed.append(part)
            else:
                self._searched.append((part, at))

        threading.Thread(target=search, name="tailrace-tail-search", daemon=True).start()

    def _give_up(self, part: AssignedPartition) -> None:
        if not part.given_up:
            self._consumer.incremental_unassign([part.asked])
            part.given_up = True

    def _go_on(self, part: AssignedPartition, resume_at: int, cause: str) -> list[Event]:
        if self._assignment.get(part.topic, part.partition) is not part:
            return []
        self._give_up(part)
        self._consumer.incremental_assign([TopicPartition(part.topic, part.partition, resume_at)])
        at, part.position, part.lost_code, part.given_up = (
            part.position,
            resume_at,
            None,
            False,
        )
        if resume_at == at and cause != "truncated":
            return []
        return [PositionLost(part.watch, part.topic, part.partition, at, cause, resume_at)]

    def _stalled(self, now: float) -> list[_Question]:
        """Some of the partitions that look stalled; all come by until the next look."""
        if self._asking:
            return []
        found: list[_Question] = []
        some, self._unseen = self._unseen[:LOOK_PARTITIONS], self._unseen[LOOK_PARTITIONS:]
        for part in some:
            # What the consumer remembers is the log's end; what the broker answers is the stable end.
            known = self._consumer.get_watermark_offsets(part.asked, cached=True)
            if known and part.lost_code is None and part.looks_stalled(known[1], now):
                found.append(_Question(part, known[1]))
        return found

    def _tell_stalled(self, part: AssignedPartition, end: int, bounds: _Bounds | None) -> list[Event]:
        if bounds is None or part.lost_code is not None:
            return []
        part.told_end = end
        if bounds[1] >= end or part.position >= end:
            # Markers and aborted records, which nobody reads, lie at the end; or it went on meanwhile.
            return []
        return [Stalled(part.watch, part.topic, part.partition, bounds[1])]
