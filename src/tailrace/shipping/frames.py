"""What a spool's files hold: frames, each with its length and check sum, so that a torn one is told.

A frame is what one append wrote: after a crash it is there as a whole, or not at all.
"""

import os
import struct
import zlib
from collections import deque
from collections.abc import Iterator
from pathlib import Path
from typing import Final, TypeVar

import msgspec

_HEAD: Final = struct.Struct("<II")  # length and CRC-32 of what follows
T = TypeVar("T")


class Frame(msgspec.Struct, array_like=True, frozen=True, gc=False):
    """Some lines in order: the number of the first, and where their source stands behind them."""

    first: int
    timestamps: list[int]
    values: list[bytes]
    mark: bytes = b""

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
    body = msgspec.msgpack.encode(content)
    return _HEAD.pack(len(body), zlib.crc32(body)) + body


def read_frame(descriptor: int, at: int, end: int) -> tuple[Frame, int] | None:
    """The frame at a place and where the next one begins; None where there is no whole, sound one."""
    head = os.pread(descriptor, _HEAD.size, at)
    if len(head) < _HEAD.size:
        return None
    length, _ = _HEAD.unpack(head)
    after = at + _HEAD.size + length
    if after > end:
        return None
    frame = _decoded(head + os.pread(descriptor, length, at + _HEAD.size), _frame)
    return None if frame is None else (frame, after)


def first_frame(path: Path) -> Frame | None:
    """The first frame of a file; None if it is not sound."""
    return next(_frames(path), None)


def last_frame(path: Path) -> Frame | None:
    """The last of a file's frames before the first that is not sound."""
    last = deque(_frames(path), maxlen=1)
    return last[0] if last else None


def _frames(path: Path) -> Iterator[Frame]:
    with path.open("rb", buffering=0) as file:
        at, end = 0, os.fstat(file.fileno()).st_size
        while (read := read_frame(file.fileno(), at, end)) is not None:
            frame, at = read
            yield frame


def decode_sent(data: bytes) -> Sent | None:
    """What `encode` made of it; None if it is damaged."""
    return _decoded(data, _sent)


def _decoded(data: bytes, decoder: "msgspec.msgpack.Decoder[T]") -> T | None:
    if len(data) < _HEAD.size:
        return None
    length, crc = _HEAD.unpack_from(data)
    body = data[_HEAD.size :]
    if len(body) != length or zlib.crc32(body) != crc:
        return None
    try:
        return decoder.decode(body)
    except msgspec.MsgspecError:
        return None
