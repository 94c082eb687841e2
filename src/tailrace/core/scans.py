"""Reading and writing straight through, for programs that do nothing else meanwhile: the command line.

`kafka/` has the form that talks to brokers, `client/` the form that talks to a gateway.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import groupby
from operator import attrgetter
from typing import Protocol, TypeVar

from tailrace.core.cursors import Cursor
from tailrace.core.errors import TailraceError
from tailrace.core.records import Chunk, Record


@dataclass(frozen=True, slots=True)
class ScanRequest:
    """What to read; `start` and `stop` as people type them, `stop` None goes on for ever."""

    topics: Sequence[str]
    start: str = "beginning"
    stop: str | None = "end"
    partitions: frozenset[int] | None = None
    limit: int | None = None


@dataclass(frozen=True, slots=True)
class Missing:
    """Records `start` to `stop` (exclusive, None if unknown) of a partition that can't be had any more."""

    topic: str
    partition: int
    start: int
    stop: int | None
    cause: str


@dataclass(frozen=True, slots=True)
class Waiting:
    """Nothing comes for the reason given; the reading goes on by itself."""

    reason: str


class Batch(Protocol):
    """Some records, at least one."""

    def __len__(self) -> int: ...

    def values(self) -> Sequence[bytes | None]:
        """The bare values, which cost less to get than whole records."""
        ...

    def chunks(self) -> Sequence[Chunk]:
        """The records, topic by topic."""
        ...


class RecordBatch:
    """Records that are held already, in the order given."""

    def __init__(self, records: Sequence[Record]) -> None:
        self._records = records

    def __len__(self) -> int:
        return len(self._records)

    def values(self) -> Sequence[bytes | None]:
        """The bare values."""
        return [record.value for record in self._records]

    def chunks(self) -> Sequence[Chunk]:
        """A chunk for each run of one topic."""
        return [Chunk.of(rows) for _, rows in groupby(self._records, key=attrgetter("topic"))]


@dataclass(frozen=True, slots=True)
class Progress:
    """How far a scan is, in offsets; `total` None is not known."""

    done: int
    total: int | None


class Scan(Protocol):
    """One reading of topics.

    Raises TopicNotFound, Forbidden, BadRequest, and Unavailable where nothing could be reached at first.
    """

    def events(self) -> Iterator[Batch | Missing | Waiting | None]:
        """What comes, until the stop or the limit; each partition's records in order.

        None says, some times a second, that nothing came: a moment to look at the clock or to leave.
        """
        ...

    def cursor(self) -> Cursor:
        """Where to go on after the last event handed out."""
        ...

    def progress(self) -> Progress:
        """How far it is."""
        ...


@dataclass(frozen=True, slots=True)
class Refused:
    """A record that was not stored; `index` counts the records of a load from 0."""

    index: int
    error: TailraceError


RecordT_contra = TypeVar("RecordT_contra", contravariant=True)


class Load(Protocol[RecordT_contra]):
    """One writing to a topic, in order, with a bound on what is under way.

    RecordT_contra is NewRecord, or bytes for bare values, which cost less.
    Every method may wait for room, and raises UnknownOutcome, Unavailable or Forbidden when nothing more
    can be stored.
    """

    def add(self, records: Sequence[RecordT_contra]) -> None:
        """Take records."""
        ...

    def refused(self) -> Sequence[Refused]:
        """What is known to be refused since the last call."""
        ...

    def idle(self) -> None:
        """There is nothing to take now: learn the fate of what is under way, keep the connection."""
        ...

    def finish(self) -> int:
        """Wait until the fate of all is known; answers how many were stored."""
        ...
