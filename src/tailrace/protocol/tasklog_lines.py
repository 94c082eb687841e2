"""A task's records as log lines, and as what the hub hands to one log stream after another.

The hub shares bytes between readers of one format. A log stream weaves them with a file's lines and tells a
cursor of its own, so what it gets are items: a kind, and where lines are, their record's place.
"""

import struct
from collections.abc import Callable, Iterator, Mapping, Sequence
from itertools import accumulate
from typing import NamedTuple

import msgspec

from tailrace.core.records import Chunk
from tailrace.protocol.framing import bare

LINES, CURSOR, IDLE, EVENT = 0, 1, 2, 3

# A record of many short lines is split in such parts.
GROUP_BYTES = 4 << 10

_HEAD = struct.Struct("<BIqI")


class _Record(msgspec.Struct):
    """What of a container's record is looked at."""

    log: str


_decode: Callable[[bytes], _Record] = msgspec.json.Decoder(_Record).decode
_decode_event: Callable[[bytes], tuple[str, dict[str, object]]] = msgspec.json.Decoder(
    tuple[str, dict[str, object]]
).decode


class Item(NamedTuple):
    """One thing that the hub says; of lines `partition` and `offset` are their record's."""

    kind: int
    partition: int
    offset: int
    body: bytes


def log_lines(value: bytes | None) -> list[bytes] | None:
    """The lines of a record; None of one that has no value.

    Line feeds at both ends of `log` are taken off and inner ones split; any other record is given as it is.
    """
    if value is None:
        return None
    try:
        text = _decode(value).log.encode("utf-8", "replace")
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
        text = value
    return text.strip(b"\n").split(b"\n")


class LogFormat:
    """Turns chunks into items; one object for all log streams."""

    cursor_in_records = False
    frame = staticmethod(bare)

    def records(self, chunk: Chunk, tag: str, before: Mapping[int, int]) -> bytes:
        """An item a record, none for one without a value."""
        del tag, before
        return b"".join(_rows(chunk))

    def ends(self, chunk: Chunk, data: bytes) -> Sequence[int]:
        """Where each row's item ends."""
        del data
        return list(accumulate(map(len, _rows(chunk))))

    def cursor(self, text: str) -> bytes:
        """The topic's cursor after what came before."""
        return _item(CURSOR, text.encode("ascii"))

    def idle(self) -> bytes:
        """A sign of life while nothing is read yet."""
        return _item(IDLE, b"")

    def event(self, name: str, body: Mapping[str, object]) -> bytes:
        """A gap, stalled, problem or end."""
        return _item(EVENT, msgspec.json.encode((name, body)))


def read_items(data: bytes) -> Iterator[Item]:
    """The items of one write."""
    at = 0
    while at < len(data):
        kind, partition, offset, size = _HEAD.unpack_from(data, at)
        at += _HEAD.size
        yield Item(kind, partition, offset, data[at : at + size])
        at += size


def line_groups(body: bytes) -> Iterator[tuple[Sequence[bytes], bool]]:
    """The lines of one record, a few at a time, and whether they are its last."""
    at = 0
    while len(body) - at > GROUP_BYTES:
        cut = body.rfind(b"\n", at, at + GROUP_BYTES)
        cut = body.find(b"\n", at + GROUP_BYTES) if cut < 0 else cut
        if cut < 0:
            break
        yield body[at:cut].split(b"\n"), False
        at = cut + 1
    yield body[at:].split(b"\n"), True


def read_event(item: Item) -> tuple[str, dict[str, object]]:
    """An event's name and body."""
    return _decode_event(item.body)


def _rows(chunk: Chunk) -> list[bytes]:
    rows: list[bytes] = []
    for run in chunk.runs:
        for row in range(run.start, run.stop):
            lines = log_lines(chunk.values[row])
            body = b"" if lines is None else b"\n".join(lines)
            item = _HEAD.pack(LINES, run.partition, chunk.offsets[row], len(body)) + body
            rows.append(b"" if lines is None else item)
    return rows


def _item(kind: int, body: bytes) -> bytes:
    return _HEAD.pack(kind, 0, 0, len(body)) + body
