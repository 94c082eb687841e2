"""A script's own producer and consumer, for the topics that a pipeline's file gives it.

    >>> import tailrace
    >>> producer, consumer = tailrace.program("PYTHON_2", "config.yml")
    >>> for message in consumer:
    ...     producer.send({"result": message.value["a"] + message.value["b"]}, key=message.key)

A message counts as handled when the next one is asked for. What was sent until then is stored before that
is committed, so nothing is lost where a script is killed; some may come again.
"""

import os
import signal
import sys
import threading
import time
from collections.abc import Callable, Collection, Iterator, Sequence
from functools import partial
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import msgspec

from tailrace.core.errors import BadRecord, ConfigurationError, UnknownOutcome
from tailrace.core.groups import GroupReader, OnRevoked, Polled, Positions, Sender, Spot, StartAt
from tailrace.core.records import Headers, Record
from tailrace.kafka.services import KafkaServices
from tailrace.kafka.settings import translate
from tailrace.pipelines.loading import load, no_program
from tailrace.runtime.sending import LateSender
from tailrace.runtime.values import as_key

POLL_RECORDS = 500
POLL_SECONDS = 0.5
COMMIT_SECONDS = 1.0
SETTLE_SECONDS = 30.0
_encode = msgspec.json.Encoder().encode
_decode = msgspec.json.Decoder().decode


class Message:
    """A record with its JSON value; `raw` are the value's bytes."""

    __slots__ = ("headers", "key", "offset", "partition", "raw", "timestamp", "topic")

    def __init__(self, record: Record) -> None:
        self.topic = record.topic
        self.partition = record.partition
        self.offset = record.offset
        self.timestamp = record.timestamp
        self.key = record.key
        self.raw = record.value
        self.headers = record.headers

    @property
    def value(self) -> Any:  # noqa: ANN401  # any JSON
        """The value, read from JSON; None for null.

        Raises:
            BadRecord: it is no JSON; `raw` has its bytes.
        """
        try:
            return None if self.raw is None else _decode(self.raw)
        except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError) as error:
            where = f"{self.topic}, partition {self.partition}, offset {self.offset}"
            raise BadRecord(f"The value of {where} is no JSON.", cause=f"{error}.") from None


class Producer:
    """Sends to all topics that the program writes, or to one of them."""

    def __init__(self, name: str, topics: Sequence[str], sender: Sender) -> None:
        self.topics = tuple(topics)
        self._name = name
        self._sender = sender

    def send(
        self,
        value: object,
        key: bytes | str | None = None,
        *,
        topic: str | None = None,
        headers: Headers = (),
    ) -> None:
        """Take a value to store: bytes as they are, all else as JSON, None as null.

        Raises:
            ConfigurationError: the program does not write that topic, or none.
        """
        if not self.topics or (topic and topic not in self.topics):
            raise ConfigurationError(
                f"The program {self._name!r} does not write {topic or 'any topic'}.",
                hint=f"It writes {', '.join(self.topics) or 'none'}: add it under PRODUCER, or to.",
            )
        data = value if value is None or isinstance(value, bytes) else _encoded(value)
        for one in (topic,) if topic else self.topics:
            self._sender.send(one, data, as_key(key), headers=headers)

    def flush(self, seconds: float = SETTLE_SECONDS) -> None:
        """Wait until all that was sent is stored.

        Raises:
            UnknownOutcome: it took longer.
            TailraceError: some of it was refused.
        """
        if not self._sender.settle(seconds):
            raise UnknownOutcome(f"Not all records were stored within {seconds:g} s.")

    def close(self) -> None:
        """Store what was sent, and let go."""
        self.flush()
        self._sender.close()


class Consumer:
    """Gives messages one after another, for ever; commits each once the next is asked for."""

    def __init__(
        self,
        name: str,
        topics: Sequence[str],
        join: Callable[[OnRevoked], GroupReader],
        flush: Callable[[], None],
    ) -> None:
        self.topics = tuple(topics)
        self._name = name
        self._join = join
        self._flush = flush
        self._reader: GroupReader | None = None
        self._batch: Polled | None = None
        self._row = 0
        self._given: Record | None = None
        self._done: dict[Spot, int] = {}
        self._committed_at = time.monotonic()

    def __iter__(self) -> Iterator[Message]:
        while True:
            message = self.poll()
            if message is not None:
                yield message

    def poll(self, seconds: float = POLL_SECONDS) -> Message | None:
        """The next message, or None if none comes within the time; the one before counts as handled.

        Raises:
            ConfigurationError: the program reads no topic.
        """
        self._count()
        if time.monotonic() - self._committed_at > COMMIT_SECONDS:
            self.commit()
        if self._batch is None or self._row == len(self._batch):
            # Partitions are only taken away within this call, when all of a batch is handled.
            self._batch, self._row = self._joined().poll(POLL_RECORDS, seconds), 0
        if self._batch is None or not len(self._batch):
            return None
        self._given = self._batch.record(self._row)
        self._row += 1
        return Message(self._given)

    def commit(self) -> None:
        """Commit the messages that are handled, once what was sent meanwhile is stored."""
        self._committed_at = time.monotonic()
        if self._reader is not None and self._done:
            self._flush()
            self._reader.commit(self._done, wait=True)
            self._done = {}

    def close(self, *, handled: bool = True) -> None:
        """Commit and leave the group; the last message comes again unless it is handled."""
        if self._reader is None:
            return
        if handled:
            self._count()
        self.commit()
        self._reader.close()
        self._reader = None

    def _count(self) -> None:
        if self._given is not None:
            self._done[Spot(self._given.topic, self._given.partition)] = self._given.offset + 1
            self._given = None

    def _joined(self) -> GroupReader:
        if not self.topics:
            raise ConfigurationError(
                f"The program {self._name!r} reads no topic.", hint="Name one under CONSUMER, or from."
            )
        if self._reader is None:
            self._reader = self._join(self._on_revoked)
        return self._reader

    def _on_revoked(self, spots: Collection[Spot]) -> Positions:
        self._flush()
        return {spot: self._done.pop(spot) for spot in spots if spot in self._done}


class Script:
    """What a program's script has: `producer` and `consumer`, also as a pair, closed by `with`."""

    def __init__(self, producer: Producer, consumer: Consumer) -> None:
        self.producer = producer
        self.consumer = consumer

    def __iter__(self) -> Iterator[Producer | Consumer]:
        return iter((self.producer, self.consumer))

    def close(self) -> None:
        """Store what was sent, commit what is handled, leave."""
        self.consumer.close()
        self.producer.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        # Ctrl-C comes while the next message is waited for, or amid one: that one comes again.
        self.consumer.close(handled=error is None)
        self.producer.close()


def program(name: str | None = None, file: str | Path | None = None) -> Script:
    """The producer and the consumer of a program in a pipeline's file.

    Both are known in a process that `tailrace run` has started. TAILRACE_BROKER wins over the file.

    Raises:
        WrongPipeline: the file has mistakes.
        ConfigurationError: it does not have the program, or is not named.
    """
    name = name or os.environ.get("TAILRACE_PROGRAM")
    file = file or os.environ.get("TAILRACE_PIPELINE")
    if not name or not file:
        raise ConfigurationError(
            "It is not said which program this is.", hint='Write tailrace.program("NAME", "config.yml").'
        )
    # What programs run is nothing to a script, which may be started by hand where the others are not.
    pipeline = load(Path(file), check_runs=False).pipeline
    if name not in pipeline.programs:
        raise no_program(name, pipeline)
    found = pipeline.programs[name]
    _end_on_sigterm()
    broker = os.environ.get("TAILRACE_BROKER") or found.broker
    services = KafkaServices(translate({**found.kafka, "bootstrap_servers": broker}))
    sender = LateSender(partial(services.sender, name))
    producer = Producer(name, found.written_topics, sender)
    start: StartAt = "latest" if found.start == "latest" else "earliest"
    join = partial(services.reader, found.read_topics, found.group, start, name)
    return Script(producer, Consumer(name, found.read_topics, join, producer.flush))


def _end_on_sigterm() -> None:
    """In a process that `tailrace run` has started, its stop leaves the `with` block as any exit does."""
    ours = "TAILRACE_PROGRAM" in os.environ and threading.current_thread() is threading.main_thread()
    if ours and signal.getsignal(signal.SIGTERM) is signal.SIG_DFL:
        signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))


def _encoded(value: object) -> bytes:
    try:
        return _encode(value)
    except (TypeError, ValueError, RecursionError) as error:
        raise BadRecord(f"This value cannot be stored as JSON: {error}.") from None
