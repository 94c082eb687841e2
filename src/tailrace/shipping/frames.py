"""What a spool's files hold: frames, each with its length and check sum, so that a torn one is told.

A frame is what one append wrote: after a crash it is there as a whole, or not at all. Each begins with bytes
by which it is found behind damaged ones.
"""

import os
import struct
import zlib
from collections import deque
from collections.abc import Iterator
from pathlib import Path
from typing import Annotated, Final, TypeVar

import msgspec

_MARKER: Final = b"\xf5\xfeTR"
"""How a frame begins; no UTF-8 has these bytes."""
_HEAD: Final = struct.Struct("<4sII")  # the marker, length and CRC-32 of what follows
_SEARCH_BYTES: Final = 64 << 10
# A producer takes no more, and what another program wrote may hold anything.
_Long = Annotated[int, msgspec.Meta(ge=-(2**63), le=2**63 - 1)]
T = TypeVar("T")


class Frame(msgspec.Struct, array_like=True, frozen=True, gc=False):
    """Some lines in order: the number of the first, and where their source stands behind them.

    `life` tells in which opening of the spool they were written: after a power cut numbers may come again.
    """

    first: Annotated[int, msgspec.Meta(ge=0)]
    timestamps: list[_Long]
    values: list[bytes]
    mark: bytes = b""
    life: bytes = b""

    def __post_init__(self) -> None:
        if len(self.timestamps) != len(self.values):
            raise ValueError("not every line has a time")

    @property
    def after(self) -> int:
        """The number of the line that comes next."""
        return self.first + len(self.values)


class Sent(msgspec.Struct, array_like=True, frozen=True):
    """How far a spool is stored in Kafka.

    `segment` and `offset` say where to read on, `number` is the first line that is not confirmed, `mark` the
    one of the last frame; the last confirmed line stands before `position` of `partition` (negative: none).
    """

    segment: int = 0
    offset: int = 0
    number: int = 0
    mark: bytes = b""
    partition: int = -1
    position: int = -1


_frame = msgspec.msgpack.Decoder(Frame)
_sent = msgspec.msgpack.Decoder(Sent)


def encode(content: Frame | Sent) -> bytes:
    """The bytes of a frame."""
    return framed(msgspec.msgpack.encode(content))


def framed(body: bytes) -> bytes:
    """A frame around its content."""
    return _HEAD.pack(_MARKER, len(body), zlib.crc32(body)) + body


def next_frame(descriptor: int, at: int, end: int) -> tuple[Frame, int, int] | None:
    """The first sound frame from a place on, where it begins and where it ends; None if there is none."""
    while at < end:
        if read := _read_frame(descriptor, at, end):
            frame, after = read
            return frame, at, after
        at = _find_marker(descriptor, at + 1, end)
    return None


def _find_marker(descriptor: int, at: int, end: int) -> int:
    """Where something begins that may be a frame; the end if nothing does."""
    while len(data := os.pread(descriptor, min(_SEARCH_BYTES, end - at), at)) >= len(_MARKER):
        if (found := data.find(_MARKER)) >= 0:
            return at + found
        at += len(data) - len(_MARKER) + 1
    return end


def _read_frame(descriptor: int, at: int, end: int) -> tuple[Frame, int] | None:
    """The frame at a place and where the next one begins; None where there is no whole, sound one."""
    head = os.pread(descriptor, _HEAD.size, at)
    if len(head) < _HEAD.size or not head.startswith(_MARKER):
        return None
    _, length, _ = _HEAD.unpack(head)
    after = at + _HEAD.size + length
    if after > end:
        return None
    frame = _decoded(head + os.pread(descriptor, length, at + _HEAD.size), _frame)
    return None if frame is None else (frame, after)


def first_frame(path: Path) -> Frame | None:
    """The first sound frame of a file; None if there is none."""
    return next(_frames(path), None)


def last_frame(path: Path) -> Frame | None:
    """The last sound frame of a file."""
    last = deque(_frames(path), maxlen=1)
    return last[0] if last else None


def _frames(path: Path) -> Iterator[Frame]:
    with path.open("rb", buffering=0) as file:
        at, end = 0, os.fstat(file.fileno()).st_size
        while (read := next_frame(file.fileno(), at, end)) is not None:
            frame, _, at = read
            yield frame


def decode_sent(data: bytes) -> Sent | None:
    """What `encode` made of it, whatever follows; None if it is damaged."""
    return _decoded(data, _sent)


def _decoded(data: bytes, decoder: "msgspec.msgpack.Decoder[T]") -> T | None:
    if len(data) < _HEAD.size:
        return None
    marker, length, crc = _HEAD.unpack_from(data)
    body = data[_HEAD.size : _HEAD.size + length]
    if marker != _MARKER or len(body) != length or zlib.crc32(body) != crc:
        return None
    try:
        return decoder.decode(body)
    except msgspec.MsgspecError:
        return None
