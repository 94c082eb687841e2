"""One tail consumer with its thread: takes commands from the loop, hands records over to it."""

import asyncio
import logging
import threading
import time
from collections import deque
from collections.abc import Callable, Sequence

from confluent_kafka import Consumer, KafkaException, Message

from tailrace.kafka import connection
from tailrace.kafka.connection import ClientSettings
from tailrace.kafka.reader_corrupt import trusted
from tailrace.kafka.tail_assignment import AssignedPartition, Assignment
from tailrace.kafka.tail_columns import chunks
from tailrace.kafka.tail_events import Assign, Command, Event, Found, Reading
from tailrace.kafka.tail_trouble import Trouble

_log = logging.getLogger(__name__)

# Beside larger hand-overs the loop lags by 5 ms at p99, beside these by 1 ms.
HAND_OVER_RECORDS = 500
# Hand-overs that the loop has not worked off yet: beyond them librdkafka waits, and memory stays flat.
IN_FLIGHT = 4
# With nothing to read a command wakes the thread; this only keeps the connection served.
IDLE_SECONDS = 1.0
CLOSE_LOOK_SECONDS = 0.5
# How often topics that were assigned are looked at, whether they are read.
READING_SECONDS = 0.2

Receive = Callable[["TailConsumer", Sequence[Event]], None]


class TailConsumer:
    """Reads its partitions until closed; `receive` is called on the loop's thread.

    Everything public is for the loop's thread and never blocks, but for `join`. A command is seen within
    `poll_seconds`; a broker holds an empty fetch for `wait_ms`.
    """

    def __init__(
        self,
        name: str,
        settings: ClientSettings,
        wait_ms: int,
        poll_seconds: float,
        loop: asyncio.AbstractEventLoop,
        receive: Receive,
    ) -> None:
        self.name = name
        self.partitions = 0
        # By name the tag of each topic that it was ever given.
        self.known: dict[str, str] = {}
        self._poll_seconds = poll_seconds
        self._loop = loop
        self._receive = receive
        self._commands: deque[Command] = deque()
        self._commanded = threading.Event()
        self._closing = False
        self._in_flight = threading.Semaphore(IN_FLIGHT)
        self._consumer = Consumer(connection.tail_settings(settings, wait_ms))
        self._assignment = Assignment()
        self._trouble = Trouble(self._consumer, settings, self._assignment)
        # By topic: what was assigned and not seen to be read yet.
        self._unread: dict[str, int] = {}
        self._next_reading_look = 0.0
        self._thread = threading.Thread(target=self._run, name=f"tailrace-tail-{name}", daemon=True)
        self._thread.start()

    def send(self, command: Command) -> None:
        """Have a command carried out soon."""
        self._commands.append(command)
        self._commanded.set()

    def close(self) -> None:
        """Stop soon."""
        self._closing = True
        self._commanded.set()
        self._in_flight.release()

    def join(self, timeout: float) -> None:
        """Wait until the thread has ended."""
        self._thread.join(timeout)

    def _run(self) -> None:
        while not self._closing:
            try:
                self._turn()
            except Exception:  # noqa: BLE001 - a reading thread must live on; librdkafka goes on by itself
                _log.exception("tail %s: a turn failed", self.name)
                self._commanded.wait(IDLE_SECONDS)
        self._consumer.close()

    def _turn(self) -> None:
        if self._commands:
            self._carry_out_all()
        if not self._assignment and not self._commands:
            self._commanded.wait(IDLE_SECONDS)
            self._commanded.clear()
        wait = self._poll_seconds if self._assignment and not self._commands else 0
        # consume() with a time waits until it is full (p50 1.3 ms); poll() returns with the first (0.3 ms).
        first = self._consumer.poll(wait)
        if first is not None:
            self._hand_over(self._events([first, *self._consumer.consume(HAND_OVER_RECORDS - 1, 0)]))
        now = time.monotonic()
        self._hand_over([*self._trouble.look(now), *self._reading(now)])

    def _events(self, messages: list[Message]) -> list[Event]:
        if not any(map(Message.error, messages)):
            return self._found(messages)
        events = self._found(trusted(messages))
        for message in messages:
            self._trouble.note(message)
        return events

    def _found(self, messages: list[Message]) -> list[Event]:
        events: list[Event] = []
        for chunk in chunks(messages) if messages else ():
            watch = self._assignment.moved(chunk)
            if watch is not None:
                events.append(Found(watch, chunk))
        return events

    def _hand_over(self, events: Sequence[Event]) -> None:
        if not events:
            return
        while not self._in_flight.acquire(timeout=CLOSE_LOOK_SECONDS):
            if self._closing:
                return
        try:
            self._loop.call_soon_threadsafe(self._received, events)
        except RuntimeError:
            # The loop was closed before us: nobody listens.
            self._closing = True

    def _received(self, events: Sequence[Event]) -> None:
        try:
            if not self._closing:
                self._receive(self, events)
        finally:
            self._in_flight.release()

    def _carry_out_all(self) -> None:
        """In order, but what is to be assigned next to each other at once: thousands may come together."""
        assigns: list[Assign] = []
        while self._commands:
            command = self._commands.popleft()
            if isinstance(command, Assign):
                assigns.append(command)
                continue
            self._assign(assigns)
            assigns = []
            if any(part.watch == command.watch for part in self._assignment.of(command.topic)):
                self._unassign(command.topic)
        self._assign(assigns)

    def _assign(self, commands: Sequence[Assign]) -> None:
        self._ask(commands)
        partitions: list[AssignedPartition] = []
        for command in commands:
            self._unassign(command.topic)
            self._unread[command.topic] = command.watch
            for partition, at in command.positions.items():
                partitions.append(AssignedPartition(command.topic, partition, command.watch, at))
                self._assignment.add(partitions[-1])
        if partitions:
            self._consumer.incremental_assign([part.start() for part in partitions])

    def _ask(self, commands: Sequence[Assign]) -> None:
        """Ask for what is to be read at once before it is assigned.

        Only the reading thread may: beside its polls, from other threads, the client took up to 23 s.
        """
        topics = [command.topic for command in commands if command.at_once]
        if len(topics) > 1:
            connection.ask_leaders(self._consumer, topics)
        elif topics:
            connection.ask_metadata(self._consumer, topics[0])

    def _unassign(self, topic: str) -> None:
        self._unread.pop(topic, None)
        partitions = [part for part in self._assignment.remove(topic) if not part.given_up]
        if partitions:
            try:
                self._consumer.incremental_unassign([part.asked for part in partitions])
            except KafkaException as error:
                _log.debug("tail %s: giving up %s: %s", self.name, topic, error)

    def _reading(self, now: float) -> list[Event]:
        """The topics of which every partition was fetched since the last look."""
        if now < self._next_reading_look or not self._unread:
            return []
        self._next_reading_look = now + READING_SECONDS
        read = [topic for topic in self._unread if all(map(self._is_read, self._assignment.of(topic)))]
        return [Reading(self._unread.pop(topic), topic) for topic in read]

    def _is_read(self, part: AssignedPartition) -> bool:
        # A fetch brings the log's end, also one without records.
        known = self._consumer.get_watermark_offsets(part.asked, cached=True)
        return known is not None and known[1] >= 0
