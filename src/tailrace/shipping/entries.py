"""A line as the record that goes to Kafka: JSON with `log`, and what else is known of the line."""

import base64
from collections.abc import Iterator, Mapping
from typing import Final, NamedTuple

import msgspec

LONGEST_PIECE: Final = 128 << 10
"""Bytes of one record's text. JSON may make six of each, and brokers take 1 MiB unless told otherwise."""
_CONTINUES: Final = 0b1000_0000
_STARTS: Final = 0b1100_0000


class Entry(NamedTuple):
    """A record's value and its time in ms."""

    timestamp: int
    value: bytes


def text_entries(timestamp: int, text: str, fields: Mapping[str, object]) -> Iterator[Entry]:
    """A text with its line end; a long one in pieces, of which all but the last say `more`."""
    if len(text) * 4 <= LONGEST_PIECE:  # UTF-8 has at most 4 bytes for each character
        yield Entry(timestamp, _encoded({"log": text, **fields}))
        return
    yield from line_entries(timestamp, text.encode(errors="backslashreplace"), fields)


def line_entries(
    timestamp: int, line: bytes, fields: Mapping[str, object], *, more: bool = False
) -> Iterator[Entry]:
    """The same for bytes; those that are no UTF-8 are shown as U+FFFD, and `bytes` has them exactly.

    `more` says that this is not the end of the line.
    """
    for piece, continued in _pieces(line):
        record = {**_record(piece), **fields}
        if continued or more:
            record["more"] = True
        yield Entry(timestamp, _encoded(record))


def missing_entry(timestamp: int, lines: int, why: str) -> Entry:
    """What stands in the log where lines are missing."""
    text = f"[tailrace: {counted(lines)} missing here: {why}]\n"
    return Entry(timestamp, _encoded({"log": text, "missing": lines}))


def counted(lines: int) -> str:
    """So many lines, for people."""
    return "1 line" if lines == 1 else f"{lines:,} lines"


def whole_characters(data: bytes) -> bytes:
    """The data without a character that was cut at its end."""
    for back in range(1, min(4, len(data)) + 1):
        byte = data[-back]
        if byte & _STARTS != _CONTINUES:
            needed = 1 + (byte >= 0b1100_0000) + (byte >= 0b1110_0000) + (byte >= 0b1111_0000)
            return data[:-back] if needed > back and back < len(data) else data
    return data


def _pieces(line: bytes) -> Iterator[tuple[bytes, bool]]:
    at = 0
    while len(line) - at > LONGEST_PIECE:
        piece = whole_characters(line[at : at + LONGEST_PIECE])
        at += len(piece)
        yield piece, True
    yield line[at:], False


def _record(piece: bytes) -> dict[str, object]:
    try:
        return {"log": piece.decode()}
    except UnicodeDecodeError:
        return {"log": piece.decode(errors="replace"), "bytes": base64.b64encode(piece).decode()}


def _encoded(record: Mapping[str, object]) -> bytes:
    try:
        return msgspec.json.encode(record)
    except UnicodeEncodeError:  # a lone surrogate, which no UTF-8 can say
        return msgspec.json.encode({name: _sayable(value) for name, value in record.items()})


def _sayable(value: object) -> object:
    return value.encode(errors="backslashreplace").decode() if isinstance(value, str) else value
