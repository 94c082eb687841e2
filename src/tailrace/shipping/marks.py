"""A place in a file that is found again when the file has another name, or a copy of it has."""

import os
import re
import zlib
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, Final

import msgspec

_PROBE_BYTES: Final = 256
# What rotation appends to a name: a number or a date. No letters: a compressed file is no text.
_ROTATED: Final = re.compile(r"[.-][0-9][0-9_.:-]*")


class Mark(msgspec.Struct, array_like=True, frozen=True):
    """How far a file is read; the check sums of its head, and of what stands before the place, tell it again.

    An inode alone does not: a deleted file's number is given to the next one.
    """

    device: int = 0
    inode: int = 0
    offset: Annotated[int, msgspec.Meta(ge=0)] = 0
    modified: int = 0
    probe: int = 0

    def encode(self) -> bytes:
        """As bytes."""
        return msgspec.msgpack.encode(self)

    def just_before(self) -> "Mark":
        """As if the file had been written a moment earlier."""
        return msgspec.structs.replace(self, modified=self.modified - 1)

    def fits(self, descriptor: int) -> bool:
        """Whether what was read is still in the file."""
        return os.fstat(descriptor).st_size >= self.offset and _probe(descriptor, self.offset) == self.probe


def decode_mark(data: bytes) -> Mark | None:
    """What `encode` made of it; None if nothing was read yet, or if it is no mark."""
    try:
        return msgspec.msgpack.decode(data, type=Mark)
    except msgspec.MsgspecError:
        return None


def mark_of(descriptor: int, offset: int) -> Mark:
    """A place in an open file."""
    status = os.fstat(descriptor)
    return Mark(status.st_dev, status.st_ino, offset, status.st_mtime_ns, _probe(descriptor, offset))


def _probe(descriptor: int, offset: int) -> int:
    length = min(offset, _PROBE_BYTES)
    return zlib.crc32(
        os.pread(descriptor, length, offset - length), zlib.crc32(os.pread(descriptor, length, 0))
    )


def rotated(path: Path) -> list[Path]:
    """The files that rotation made of a file, oldest first; none where the folder is gone."""
    found = []
    beside = path.parent.iterdir() if path.parent.exists() else ()
    for one in beside:
        rest = one.name.removeprefix(path.name)
        if rest != one.name and _ROTATED.fullmatch(rest):
            try:
                found.append((one.stat().st_mtime_ns, one))
            except FileNotFoundError:
                continue  # rotated on, or removed
    return [one for _, one in sorted(found)]


def open_file(path: Path) -> int | None:
    """A descriptor to read with; None if there is no such file."""
    try:
        return os.open(path, os.O_RDONLY | os.O_CLOEXEC | os.O_NONBLOCK)
    except FileNotFoundError:
        return None


def find(path: Path, mark: Mark) -> int | None:
    """A descriptor of the file that the mark was made in, or of a copy of it; None if it is gone."""
    fitting: list[int] = []
    try:
        for one in (path, *reversed(rotated(path))):
            descriptor = open_file(one)
            if descriptor is None:
                continue
            # A short beginning may be that of an older file, too.
            written = os.fstat(descriptor).st_mtime_ns >= mark.modified
            if written and mark.fits(descriptor) and (mark.offset or _same(descriptor, mark)):
                fitting.append(descriptor)
            else:
                os.close(descriptor)
    except OSError:
        _close(fitting)
        raise
    fitting.sort(key=lambda descriptor: not _same(descriptor, mark))
    _close(fitting[1:])
    return fitting[0] if fitting else None


def _close(descriptors: Sequence[int]) -> None:
    for descriptor in descriptors:
        os.close(descriptor)


def _same(descriptor: int, mark: Mark) -> bool:
    status = os.fstat(descriptor)
    return (status.st_dev, status.st_ino) == (mark.device, mark.inode)


def later(path: Path, mark: Mark) -> int | None:
    """A descriptor of the file that was written after the one of the mark; None if there is none."""
    for one in (*rotated(path), path):
        descriptor = open_file(one)
        if descriptor is None:
            continue
        status = os.fstat(descriptor)
        newer = one == path or status.st_mtime_ns > mark.modified
        if newer and (status.st_dev, status.st_ino) != (mark.device, mark.inode):
            return descriptor
        os.close(descriptor)
    return None
