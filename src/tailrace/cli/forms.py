"""Records as bytes for standard output, in the form asked for."""

import csv
import io
import shutil
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Protocol

from tailrace.cli.output import printable
from tailrace.core.records import Chunk, Record
from tailrace.core.scans import Batch
from tailrace.protocol.codecs import encode_headers, encode_records, encode_value

NAMES = ("json", "value", "raw", "table", "csv", "parquet")


class Form(Protocol):
    """Turns batches into bytes, between a beginning and an end."""

    def begin(self) -> bytes:
        """What comes before the first record."""
        ...

    def rows(self, batch: Batch) -> bytes:
        """The records of a batch."""
        ...

    def end(self) -> bytes:
        """What comes after the last record."""
        ...


class Plain:
    """A form without beginning or end, made of chunks."""

    def __init__(self, encode: Callable[[Chunk], bytes]) -> None:
        self._encode = encode

    def begin(self) -> bytes:
        """Nothing."""
        return b""

    def rows(self, batch: Batch) -> bytes:
        """Each chunk encoded."""
        return b"".join(map(self._encode, batch.chunks()))

    def end(self) -> bytes:
        """Nothing."""
        return b""


class Raw:
    """The bytes of the values, each with a line feed; null is an empty line. As kcat prints them."""

    def begin(self) -> bytes:
        """Nothing."""
        return b""

    def rows(self, batch: Batch) -> bytes:
        """The values; keys and the rest are not even looked at."""
        values = batch.values()
        try:
            return b"\n".join(values) + b"\n"  # type: ignore[arg-type]  # None is the exception
        except TypeError:
            return b"".join([b"%b\n" % (value or b"") for value in values])

    def end(self) -> bytes:
        """Nothing."""
        return b""


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


class Csv:
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

    def end(self) -> bytes:
        """Nothing."""
        return b""

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


class Table:
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

    def end(self) -> bytes:
        """Nothing."""
        return b""

    def _line(self, record: Record) -> str:
        time = datetime.fromtimestamp(max(record.timestamp, 0) / 1000, UTC)
        moment = time.strftime("%Y-%m-%d %H:%M:%S.") + f"{time.microsecond // 1000:03}"
        key, value = _shown(record.key), _shown(record.value)
        key = key if len(key) <= 16 else key[:15] + "…"
        line = f"{record.partition:4} {record.offset:10} {moment} {key:16} {value}"
        return (line if len(line) <= self._width else line[: self._width - 1] + "…") + "\n"


def _shown(data: bytes | None) -> str:
    return "-" if data is None else printable(data.decode(errors="replace"))


def make_form(name: str) -> Form:
    """The form of that name."""
    if name == "parquet":
        from tailrace.cli.parquet import Parquet  # noqa: PLC0415  # an extra, and heavy

        return Parquet()
    forms: dict[str, Callable[[], Form]] = {
        "json": lambda: Plain(encode_records),
        "value": lambda: Plain(value_lines),
        "raw": Raw,
        "csv": Csv,
        "table": Table,
    }
    return forms[name]()
