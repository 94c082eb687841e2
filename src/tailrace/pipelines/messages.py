"""What a script reads: messages one after another, each handled when the next one is asked for."""

import logging
import time
from collections import deque
from collections.abc import Callable, Collection, Iterator, Sequence
from typing import Any

import msgspec

from tailrace.core.errors import BadRecord, ConfigurationError, TailraceError
from tailrace.core.groups import GroupReader, OnRevoked, Polled, Positions, Spot
from tailrace.core.records import Record

_log = logging.getLogger("tailrace.pipelines")

POLL_RECORDS = 500
POLL_SECONDS = 0.5
COMMIT_SECONDS = 1.0
STAY_SECONDS = 1.0
"""A member that is not heard of is thrown out of its group, however many messages it still has in hand."""
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
        self._batches: deque[Polled] = deque()
        self._row = 0
        self._paused = False
        self._polled_at = 0.0
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
        now = time.monotonic()
        if now - self._committed_at > COMMIT_SECONDS:
            self.commit()
        if not self._batches:
            self._read(seconds)
        elif now - self._polled_at > STAY_SECONDS:
            self._stay()
        self._given = self._next()
        return None if self._given is None else Message(self._given)

    def commit(self) -> None:
        """Commit the messages that are handled, once what was sent meanwhile is stored.

        Those that cannot be committed come again.
        """
        self._committed_at = time.monotonic()
        if self._reader is None or not self._done:
            return
        self._flush()
        try:
            self._reader.commit(self._done, wait=True)
        except TailraceError as error:
            # They are tried again with the next ones, unless their partitions are found to be lost.
            _log.warning("What was handled could not be committed, so it may come again: %s", error)
        else:
            self._done = {}

    def close(self, *, handled: bool = True) -> None:
        """Commit and leave the group; the last message comes again unless it is handled."""
        if self._reader is None:
            return
        if handled:
            self._count()
        self._given = None
        try:
            self.commit()
        finally:
            self._reader.close()
            self._reader = None

    def _read(self, seconds: float) -> None:
        reader = self._joined()
        if self._paused:
            self._paused = False
            reader.resume()
        self._take(reader.poll(POLL_RECORDS, seconds))

    def _stay(self) -> None:
        """Be heard of while messages are in hand."""
        reader = self._joined()
        if not self._paused:
            self._paused = True
            reader.pause()
        self._take(reader.poll(1, 0))

    def _take(self, batch: Polled | None) -> None:
        self._polled_at = time.monotonic()
        if batch is not None and len(batch):
            self._batches.append(batch)

    def _next(self) -> Record | None:
        if not self._batches:
            return None
        record = self._batches[0].record(self._row)
        self._row += 1
        if self._row == len(self._batches[0]):
            self._batches.popleft()
            self._row = 0
        return record

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
        """What is in hand of these goes to others; it is called within a poll, when all given is handled."""
        left = [batch.rest(0 if index else self._row, spots) for index, batch in enumerate(self._batches)]
        self._batches = deque(batch for batch in left if len(batch))
        self._row = 0
        positions = {spot: self._done.pop(spot) for spot in spots if spot in self._done}
        try:
            self._flush()
        except TailraceError as error:
            _log.warning("What was sent is not stored, so what it came from comes again: %s", error)
            return {}
        return positions
