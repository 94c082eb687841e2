"""Records as text: JSON lines, readable values, comma-separated values, a table."""

import csv
import io
import shutil
from collections.abc import Callable
from datetime import UTC, datetime

from tailrace.cli.forms import Form, Lines
from tailrace.cli.output import printable
from tailrace.core.records import Chunk, Record
from tailrace.core.scans import Batch
from tailrace.protocol.codecs import encode_headers, encode_records, encode_value


class Encoded(Lines):
    """Chunks through one function."""

    def __init__(self, encode: Callable[[Chunk], bytes]) -> None:
        self._encode = encode

    def rows(self, batch: Batch) -> bytes:
        """Each chunk encoded."""
        return b"".join(map(self._encode, batch.chunks()))


def value_lines(chunk: Chunk) -> bytes:
    """One line a value whatever is in it: null is `null`, line breaks are escaped, bytes are base64."""
    return b"".join([_value_line(value) for value in chunk.values])


def _value_line(value: bytes | None) -> bytes:
    encoded, encoding = encode_value(value)
    if not encoding:
        return encoded + b"\n"
    if b"base64" in encoding:
        return encoded[1:-1] + b"\n"
    text = (value or b"").replace(b"\\", b"\\\\").replace(b"\r", b"\\r").replace(b"\n", b"\\n")
    return text + b"\n"


class Csv(Lines):
    """Comma-separated values (RFC 4180) with a head line; a column says how bytes are written."""

    _HEAD = ("topic", "partition", "offset", "timestamp", "key", "key_encoding", "value", "value_encoding")

    def begin(self) -> bytes:
        """The names of the columns."""
        return (",".join((*self._HEAD, "headers")) + "\r\n").encode()

    def rows(self, batch: Batch) -> bytes:
        """A line a record."""
        text = io.StringIO(newline="")
        writer = csv.writer(text)
        writer.writerows(self._row(record) for chunk in batch.chunks() for record in chunk.records())
        return text.getvalue().encode()

    @staticmethod
    def _row(record: Record) -> tuple[object, ...]:
        place = (record.topic, record.partition, record.offset, record.timestamp)
        headers = encode_headers(record.headers).decode() if record.headers else ""
        return (*place, *_text(record.key), *_text(record.value), headers)


def _text(data: bytes | None) -> tuple[str, str]:
    """Bytes as text, and how: `text`, `base64` or `null`, so that null is never an empty text."""
    if data is None:
        return "", "null"
    try:
        return data.decode(), "text"
    except UnicodeDecodeError:
        return encode_value(data)[0].decode().strip('"'), "base64"


class Table(Lines):
    """A line a record, cut to the width of the terminal."""

    def __init__(self, width: int | None = None) -> None:
        self._width = width or shutil.get_terminal_size().columns

    def begin(self) -> bytes:
        """The names of the columns."""
        return f"{'PART':>4} {'OFFSET':>10} {'TIME':23} {'KEY':16} VALUE\n".encode()

    def rows(self, batch: Batch) -> bytes:
        """The records; what a terminal would obey is escaped."""
        lines = [self._line(record) for chunk in batch.chunks() for record in chunk.records()]
        return "".join(lines).encode()

    def _line(self, record: Record) -> str:
        time = datetime.fromtimestamp(max(record.timestamp, 0) / 1000, UTC)
        moment = time.strftime("%Y-%m-%d %H:%M:%S.") + f"{time.microsecond // 1000:03}"
        key, value = _shown(record.key), _shown(record.value)
        key = key if len(key) <= 16 else key[:15] + "…"
        line = f"{record.partition:4} {record.offset:10} {moment} {key:16} {value}"
        return (line if len(line) <= self._width else line[: self._width - 1] + "…") + "\n"


def _shown(data: bytes | None) -> str:
    return "-" if data is None else printable(data.decode(errors="replace"))


FORMS: dict[str, Callable[[], Form]] = {
    "json": lambda: Encoded(encode_records),
    "value": lambda: Encoded(value_lines),
    "csv": Csv,
    "table": Table,
}
