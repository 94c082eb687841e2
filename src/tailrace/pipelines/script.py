"""A script's own producer and consumer, for the topics that a pipeline's file gives it.

    >>> import tailrace
    >>> producer, consumer = tailrace.program("PYTHON_2", "config.yml")
    >>> for message in consumer:
    ...     producer.send({"result": message.value["a"] + message.value["b"]}, key=message.key)

A message counts as handled when the next one is asked for. What was sent until then is stored before that
is committed, so nothing is lost where a script is killed; some may come again.
"""

import atexit
import logging
import os
import signal
import sys
import threading
from collections.abc import Iterator, Mapping, Sequence
from functools import partial
from pathlib import Path
from types import TracebackType
from typing import Self

import msgspec

from tailrace.core.errors import BadRecord, ConfigurationError, TailraceError, UnknownOutcome
from tailrace.core.groups import Sender, StartAt
from tailrace.core.records import Headers
from tailrace.kafka.services import KafkaServices
from tailrace.kafka.settings import translate
from tailrace.pipelines.loading import load, no_program
from tailrace.pipelines.messages import Consumer
from tailrace.runtime.sending import LateSender
from tailrace.runtime.spec import FAILED
from tailrace.runtime.values import as_headers, as_key

SETTLE_SECONDS = 30.0
_encode = msgspec.json.Encoder().encode


class Producer:
    """Sends to all topics that the program writes, or to one of them."""

    def __init__(self, name: str, topics: Sequence[str], sender: Sender) -> None:
        self.topics = tuple(topics)
        self._name = name
        self._sender = sender
        self._refused: TailraceError | None = None

    def send(
        self,
        value: object,
        key: bytes | str | None = None,
        *,
        topic: str | None = None,
        headers: Headers | Mapping[str, bytes | None] = (),
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
            self._sender.send(one, data, as_key(key), headers=as_headers(headers))

    def flush(self, seconds: float = SETTLE_SECONDS) -> None:
        """Wait until all that was sent is stored.

        Raises:
            UnknownOutcome: it took longer.
            TailraceError: some of it was refused, now or before: what it came from must not be committed.
        """
        if self._refused is not None:
            raise self._refused
        try:
            stored = self._sender.settle(seconds)
        except TailraceError as error:
            self._refused = error
            raise
        if not stored:
            raise UnknownOutcome(f"Not all records were stored within {seconds:g} s.")

    def close(self) -> None:
        """Store what was sent, and let go."""
        try:
            self.flush()
        finally:
            self._sender.close()


class Script:
    """What a program's script has: `producer` and `consumer`, also as a pair, closed by `with`."""

    def __init__(self, producer: Producer, consumer: Consumer) -> None:
        self.producer = producer
        self.consumer = consumer
        self._closed = False
        atexit.register(self._at_exit)

    def __iter__(self) -> Iterator[Producer | Consumer]:
        return iter((self.producer, self.consumer))

    def close(self) -> None:
        """Store what was sent, commit what is handled, leave."""
        self._close(handled=True)

    def _close(self, *, handled: bool) -> None:
        if self._closed:
            return
        self._closed = True
        atexit.unregister(self._at_exit)
        try:
            self.consumer.close(handled=handled)
        finally:
            self.producer.close()

    def _at_exit(self) -> None:
        """The end of a script without `with`: the message in hand comes again, as nobody asked for more."""
        try:
            self._close(handled=False)
        except TailraceError as error:
            sys.stdout.flush()
            sys.stderr.write(f"Not all that was sent is stored, so nothing more is committed: {error}\n")
            sys.stderr.flush()
            # Nothing but this makes the exit code of an interpreter that is ending say so.
            logging.shutdown()
            os._exit(FAILED)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        # Ctrl-C comes while the next message is waited for, or amid one: that one comes again.
        self._close(handled=error is None)


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
    broker = os.environ.get("TAILRACE_BROKER", "")
    pipeline = load(Path(file), broker=broker, check_runs=False).pipeline
    if name not in pipeline.programs:
        raise no_program(name, pipeline)
    found = pipeline.programs[name]
    _end_on_sigterm()
    _end_quietly_on_ctrl_c()
    services = KafkaServices(translate({**found.kafka, "bootstrap_servers": found.broker}))
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


def _end_quietly_on_ctrl_c() -> None:
    """Ctrl-C is how a script that reads for ever is meant to end: without a trace; shells say 130."""
    before = sys.excepthook

    def tell(kind: type[BaseException], error: BaseException, trace: TracebackType | None) -> None:
        if not issubclass(kind, KeyboardInterrupt):
            before(kind, error, trace)

    sys.excepthook = tell


def _encoded(value: object) -> bytes:
    try:
        return _encode(value)
    except (TypeError, ValueError, RecursionError) as error:
        raise BadRecord(f"This value cannot be stored as JSON: {error}.") from None
