"""What flows: records, and chunks of them as columns."""

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import groupby
from operator import attrgetter
from typing import NamedTuple

Headers = Sequence[tuple[str, bytes | None]]

# What a row costs beside its key and value: objects, list slots, numbers.
ROW_OVERHEAD_BYTES = 150


@dataclass(frozen=True, slots=True)
class Record:
    """One record as Kafka keeps it; the timestamp is in milliseconds."""

    topic: str
    partition: int
    offset: int
    timestamp: int
    key: bytes | None
    value: bytes | None
    headers: Headers = ()


class Run(NamedTuple):
    """Rows `start` to `stop` (exclusive) of a chunk, all of one partition, offsets ascending."""

    partition: int
    start: int
    stop: int


class Chunk:
    """Records of one topic in the order in which they were read, as columns.

    Columns, because encoding a batch column by column is several times faster than record by record.
    `headers` is None when no record of the chunk has any; `timestamps` may be given as a function, for
    they are not always asked for. Never changed once made.
    """

    __slots__ = ("_timestamps", "headers", "keys", "nbytes", "offsets", "runs", "topic", "values")

    def __init__(
        self,
        topic: str,
        runs: Sequence[Run],
        offsets: Sequence[int],
        timestamps: Sequence[int] | Callable[[], Sequence[int]],
        keys: list[bytes | None],
        values: list[bytes | None],
        headers: list[Headers] | None = None,
    ) -> None:
        self.topic = topic
        self.runs = runs
        self.offsets = offsets
        self._timestamps = timestamps
        self.keys = keys
        self.values = values
        self.headers = headers
        # Keys and headers may be as long as values: what is not counted has no bound.
        self.nbytes = _bytes(values) + _bytes(keys) + len(values) * ROW_OVERHEAD_BYTES
        if headers is not None:
            self.nbytes += sum(map(_headers_bytes, headers))

    def __len__(self) -> int:
        return len(self.offsets)

    @property
    def timestamps(self) -> Sequence[int]:
        """Each row's time in milliseconds."""
        if callable(self._timestamps):
            self._timestamps = self._timestamps()
        return self._timestamps

    @classmethod
    def of(cls, records: Iterable[Record]) -> "Chunk":
        """A chunk of records of one topic; at least one."""
        rows = list(records)
        headers = [r.headers for r in rows]
        return cls(
            rows[0].topic,
            _runs(rows),
            [r.offset for r in rows],
            [r.timestamp for r in rows],
            [r.key for r in rows],
            [r.value for r in rows],
            headers if any(headers) else None,
        )

    def records(self) -> Iterator[Record]:
        """The rows as records."""
        for partition, start, stop in self.runs:
            for row in range(start, stop):
                yield self.record(row, partition)

    def record(self, row: int, partition: int) -> Record:
        """One row as a record."""
        return Record(
            self.topic,
            partition,
            self.offsets[row],
            self.timestamps[row],
            self.keys[row],
            self.values[row],
            self.headers[row] if self.headers else (),
        )

    def slice(self, run: Run) -> "Chunk":
        """The rows of a part of one run as a chunk of their own."""
        rows = slice(run.start, run.stop)
        return Chunk(
            self.topic,
            (Run(run.partition, 0, run.stop - run.start),),
            self.offsets[rows],
            lambda: self.timestamps[rows],
            self.keys[rows],
            self.values[rows],
            self.headers[rows] if self.headers else None,
        )

    def row_bytes(self, row: int) -> int:
        """The bytes of one row's key, value and headers."""
        size = len(self.keys[row] or b"") + len(self.values[row] or b"")
        return size + _headers_bytes(self.headers[row]) if self.headers else size

    def next_positions(self) -> dict[int, int]:
        """For each partition in it, the next offset after its last record."""
        return {run.partition: self.offsets[run.stop - 1] + 1 for run in self.runs}


def _bytes(column: Sequence[bytes | None]) -> int:
    return sum(map(len, filter(None, column)))


def _headers_bytes(headers: Headers) -> int:
    return sum(len(name) + len(value or b"") + ROW_OVERHEAD_BYTES for name, value in headers)


def _runs(rows: Sequence[Record]) -> list[Run]:
    runs: list[Run] = []
    start = 0
    for partition, group in groupby(rows, key=attrgetter("partition")):
        stop = start + sum(1 for _ in group)
        runs.append(Run(partition, start, stop))
        start = stop
    return runs
