"""Records as a Parquet file, row group by row group."""

import io
from typing import Any

from tailrace.core.errors import ConfigurationError
from tailrace.core.records import Record
from tailrace.core.scans import Batch

# Smaller groups compress badly and make a large footer.
ROW_GROUP = 50_000

try:
    import pyarrow as pa  # type: ignore[import-untyped]  # it has no types
    import pyarrow.parquet as pq  # type: ignore[import-untyped]  # likewise
except ImportError:
    raise ConfigurationError(
        "Parquet needs pyarrow, which is not installed.", hint="pip install 'tailrace[parquet]'"
    ) from None

_BYTES_HEADERS = pa.list_(pa.struct([("name", pa.string()), ("value", pa.binary())]))
SCHEMA = pa.schema([
    pa.field("topic", pa.string(), nullable=False),
    pa.field("partition", pa.int32(), nullable=False),
    pa.field("offset", pa.int64(), nullable=False),
    pa.field("timestamp", pa.timestamp("ms", tz="UTC"), nullable=False),
    ("key", pa.binary()),
    ("value", pa.binary()),
    ("headers", _BYTES_HEADERS),
])  # fmt: skip


class _Sink(io.RawIOBase):
    """Keeps what is written until it is taken, and counts it all: a footer names places in the file."""

    def __init__(self) -> None:
        super().__init__()
        self._pieces: list[bytes] = []
        self._position = 0

    def writable(self) -> bool:
        """It is."""
        return True

    def write(self, data: Any) -> int:  # noqa: ANN401  # a buffer of pyarrow's
        """Keep it."""
        piece = bytes(data)
        self._pieces.append(piece)
        self._position += len(piece)
        return len(piece)

    def tell(self) -> int:
        """How much was written in all."""
        return self._position

    def taken(self) -> bytes:
        """What was written since the last time."""
        pieces, self._pieces = self._pieces, []
        return b"".join(pieces)


class Parquet:
    """Keys, values and headers stay bytes; null stays null."""

    def __init__(self) -> None:
        self._sink = _Sink()
        self._writer = pq.ParquetWriter(self._sink, SCHEMA)
        self._waiting: list[Record] = []

    def begin(self) -> bytes:
        """The head of the file."""
        return self._sink.taken()

    def rows(self, batch: Batch) -> bytes:
        """What is complete; the rest waits for its row group."""
        self._waiting += [record for chunk in batch.chunks() for record in chunk.records()]
        if len(self._waiting) >= ROW_GROUP:
            self._write_group()
        return self._sink.taken()

    def end(self) -> bytes:
        """The last row group and the footer."""
        if self._waiting:
            self._write_group()
        self._writer.close()
        return self._sink.taken()

    def _write_group(self) -> None:
        rows, self._waiting = self._waiting, []
        columns: list[list[Any]] = [
            [r.topic for r in rows],
            [r.partition for r in rows],
            [r.offset for r in rows],
            [r.timestamp for r in rows],
            [r.key for r in rows],
            [r.value for r in rows],
            [[{"name": name, "value": value} for name, value in r.headers] for r in rows],
        ]
        arrays = [pa.array(column, field.type) for column, field in zip(columns, SCHEMA, strict=True)]
        self._writer.write_table(pa.Table.from_arrays(arrays, schema=SCHEMA))
