"""One catch-up consumer with its thread: reads slices of partitions, one at a time, and keeps its place."""

import logging
import queue
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass

from confluent_kafka import Consumer, KafkaError, KafkaException, Message, TopicPartition

from tailrace.core.errors import BrokerUnavailable, Internal, TailraceError
from tailrace.core.ports import Block, LostPosition
from tailrace.core.records import ROW_OVERHEAD_BYTES
from tailrace.kafka import connection
from tailrace.kafka.connection import ClientSettings
from tailrace.kafka.errors import translate_question
from tailrace.kafka.reader_columns import partition_chunk
from tailrace.kafka.reader_corrupt import behind_corrupt
from tailrace.kafka.topic_tags import outdated

_log = logging.getLogger(__name__)

# Messages turned into columns at once: the interpreter is held for about 1 ms.
BURST_RECORDS = 2_000
# A slice with records in it is handed over rather than waiting longer than this for its next fetch.
NEXT_FETCH_SECONDS = 0.1
# A place older than this may hold records of a topic that was since made again.
PLACE_SECONDS = 1.0
# The deadline is looked at this often.
POLL_SECONDS = 0.5
# How often a connection's errors and tokens are seen to while nothing is read.
IDLE_POLL_SECONDS = 1.0

Answer = Block | TailraceError | LostPosition


@dataclass(frozen=True, slots=True)
class ReadRequest:
    """A slice of a topic with this tag that somebody waits for until `deadline` (monotonic seconds)."""

    topic: str
    tag: str
    partition: int
    offset: int
    max_bytes: int
    deadline: float
    done: Callable[[Answer], None]


class CatchUpConsumer:
    """Runs one request after another in its own thread; `done` is called in that thread."""

    def __init__(self, settings: ClientSettings, name: str) -> None:
        self._settings = settings
        self._requests: queue.SimpleQueue[ReadRequest | None] = queue.SimpleQueue()
        self._consumer = Consumer(connection.catch_up_settings(settings))
        # By name the tag of each topic that the client has read.
        self._known: dict[str, str] = {}
        self._place: tuple[str, int, int] | None = None
        self._left_at = 0.0
        self._record_bytes = ROW_OVERHEAD_BYTES
        self._thread = threading.Thread(target=self._run, name=name, daemon=True)
        self._thread.start()

    def submit(self, request: ReadRequest) -> None:
        """Start a read; only when the last one is done."""
        self._requests.put(request)

    def close(self) -> None:
        """Stop after the read under way."""
        self._requests.put(None)

    def join(self, timeout: float) -> None:
        """Wait until the thread has ended."""
        self._thread.join(timeout)

    def _run(self) -> None:
        while (request := self._next()) is not None:
            try:
                answer: Answer = self._read(request)
            except (TailraceError, LostPosition) as error:
                answer = error
            except Exception as error:  # noqa: BLE001 - a reading thread must answer and live on
                _log.exception("reading %s/%d failed", request.topic, request.partition)
                answer = Internal("Reading from Kafka failed.", cause=str(error))
            if not isinstance(answer, Block):
                self._leave()
            request.done(answer)
        self._consumer.close()

    def _next(self) -> ReadRequest | None:
        while True:
            try:
                return self._requests.get(timeout=IDLE_POLL_SECONDS)
            except queue.Empty:
                # What is ready here stays unread: the place would no longer be fresh.
                self._leave()
                self._consumer.poll(0)

    def _read(self, request: ReadRequest) -> Block:
        self._go_to(request)
        found: list[Message] = []
        size = 0
        while size < request.max_bytes:
            messages = self._take(request, size, started=bool(found))
            if not messages:
                break
            stop = _first_error(messages)
            found += messages[:stop]
            if stop is not None:
                return self._stopped(request, found, messages[stop])
            size += self._measure(messages)
            if self._at_known_end(request, found[-1]):
                return self._ended(request, found, (found[-1].offset() or 0) + 1)
        return self._slice(request, found)

    def _take(self, request: ReadRequest, size: int, *, started: bool) -> list[Message]:
        # consume() with a time waits for all that it was asked for; poll() returns with the first.
        first = self._wait(request, started=started)
        if first is None:
            return []
        missing = (request.max_bytes - size) // self._record_bytes
        return [first, *self._consumer.consume(min(BURST_RECORDS, missing + 1), 0)]

    def _wait(self, request: ReadRequest, *, started: bool) -> Message | None:
        if started:
            return self._consumer.poll(NEXT_FETCH_SECONDS)
        look_at = time.monotonic() + connection.QUESTION_SECONDS
        while (message := self._consumer.poll(POLL_SECONDS)) is None:
            now = time.monotonic()
            if now > request.deadline:
                raise BrokerUnavailable(f"Kafka sent nothing of {request.topic}/{request.partition} in time.")
            if now > look_at:
                self._check_leader(request)
                look_at = now + connection.QUESTION_SECONDS
        return message

    def _measure(self, messages: list[Message]) -> int:
        size = sum(map(len, messages))
        self._record_bytes = max(1, size // len(messages))
        return max(1, size)

    def _go_to(self, request: ReadRequest) -> None:
        if outdated(self._known, request.topic, request.tag):
            self._begin_anew()
        self._known[request.topic] = request.tag
        here = (request.topic, request.partition, request.offset)
        if self._place == here and time.monotonic() - self._left_at < PLACE_SECONDS:
            return
        self._check_leader(request)
        self._consumer.assign([TopicPartition(*here)])

    def _begin_anew(self) -> None:
        """With a client that has not known the old topic."""
        self._place = None
        self._known.clear()
        self._consumer.close()
        self._consumer = Consumer(connection.catch_up_settings(self._settings))

    def _check_leader(self, request: ReadRequest) -> None:
        """Fail at once where there is nobody to read from: waiting would keep the consumer from others."""
        found = connection.ask_metadata(self._consumer, request.topic)
        if found is None:
            raise BrokerUnavailable(f"No broker answered who leads {request.topic}/{request.partition}.")
        if found.error is not None:
            raise translate_question(found.error, f"Kafka could not read {request.topic!r}.")
        partition = found.partitions.get(request.partition)
        if partition is not None and partition.leader < 0:
            raise BrokerUnavailable(f"{request.topic}/{request.partition} has no leader at present.")

    def _slice(self, request: ReadRequest, found: list[Message]) -> Block:
        next_offset = (found[-1].offset() or 0) + 1
        self._place = (request.topic, request.partition, next_offset)
        self._left_at = time.monotonic()
        return Block(partition_chunk(request.topic, request.partition, found), next_offset)

    def _stopped(self, request: ReadRequest, found: list[Message], message: Message) -> Block:
        error = message.error()
        assert error is not None
        if error.code() == connection.END_OF_PARTITION:
            return self._ended(request, found, max(message.offset() or 0, request.offset))
        if found:
            # Hand over what is good; the next read meets the same error at its start.
            self._leave()
            chunk = partition_chunk(request.topic, request.partition, found)
            return Block(chunk, (found[-1].offset() or 0) + 1)
        return self._failed(request, error)

    def _ended(self, request: ReadRequest, found: list[Message], end: int) -> Block:
        self._leave()
        return Block(partition_chunk(request.topic, request.partition, found), end, at_end=True)

    def _at_known_end(self, request: ReadRequest, last: Message) -> bool:
        """Whether the fetch that brought it said that nothing is behind it: else one more would find out."""
        place = TopicPartition(request.topic, request.partition)
        known = self._consumer.get_watermark_offsets(place, cached=True)
        return known is not None and 0 <= known[1] <= (last.offset() or 0) + 1

    def _failed(self, request: ReadRequest, error: KafkaError) -> Block:
        code, what = error.code(), f"Kafka could not read {request.topic}/{request.partition}."
        if code not in connection.LOST | connection.CORRUPT:
            raise translate_question(error, what)
        bounds = connection.ask_bounds(self._consumer, request.topic, request.partition)
        if bounds is None:
            raise BrokerUnavailable(what, cause=error.str())
        if code in connection.LOST and not bounds[0] <= request.offset <= bounds[1]:
            raise LostPosition(*bounds)
        # Lost, but inside of the log: what librdkafka misparsed of a corrupt batch was reported late.
        self._leave()
        here = (request.topic, request.partition, request.offset)
        at = behind_corrupt(self._settings, *here, bounds[1], request.deadline)
        skipped = [(request.offset, at, "corrupt")] if at > request.offset else []
        return Block(None, at, at_end=at >= bounds[1], skipped=skipped)

    def _leave(self) -> None:
        # Otherwise librdkafka would go on fetching, and a fetch under way delays the next place's first.
        if self._place is not None or self._consumer.assignment():
            self._place = None
            try:
                self._consumer.unassign()
            except KafkaException as error:
                _log.debug("leaving a place failed: %s", error)


def _first_error(messages: list[Message]) -> int | None:
    if not any(map(Message.error, messages)):
        return None
    return next(row for row, message in enumerate(messages) if message.error())
