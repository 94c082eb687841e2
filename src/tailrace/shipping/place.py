"""How far a spool is stored, in a file that is written where it stands.

Of its two slots the one that does not hold the newest place is written: a write that a power cut tears leaves
the place before it. Nothing is renamed, which without an `fsync` may leave an empty file; and a full disk has
room for it already.
"""

import os
import uuid
from collections.abc import Callable
from pathlib import Path
from typing import Final

from tailrace.shipping.frames import Sent, decode_sent, encode

_SLOT: Final = 4096
"""What a disk writes as a whole, or less."""


class Place:
    """The file.

    Args:
        path: where; made if it is missing or damaged.
        otherwise: the place then.
    """

    def __init__(self, path: Path, otherwise: Callable[[], Sent]) -> None:
        found = _slots(path)
        if found is None:
            found = otherwise(), 0
            _replace(path, encode(found[0]).ljust(2 * _SLOT, b"\0"))
        self.sent, self._slot = found
        """What was written last."""
        # It may be from a process that was killed just now.
        self._kept: Sent | None = None
        self._file = os.open(path, os.O_WRONLY | os.O_CLOEXEC)

    def write(self, sent: Sent) -> None:
        """Put it into the system's hands: it survives the end of the process.

        Raises:
            OSError: the disk does not take it.
        """
        slot = 1 - self._slot
        os.pwrite(self._file, encode(sent), slot * _SLOT)
        self._slot, self.sent = slot, sent

    def keep(self) -> Sent:
        """Let it survive a power cut; answers which.

        Raises:
            OSError: the disk does not take it.
        """
        sent = self.sent
        if sent is not self._kept:
            os.fsync(self._file)
            self._kept = sent
        return sent

    def close(self) -> None:
        """Close the file."""
        if self._file >= 0:
            os.close(self._file)
        self._file = -1


def _slots(path: Path) -> tuple[Sent, int] | None:
    """The newest place and its slot; None if there is none."""
    try:
        data = path.read_bytes()
    except FileNotFoundError:
        return None
    both = ((decode_sent(data[slot * _SLOT : (slot + 1) * _SLOT]), slot) for slot in (0, 1))
    sound = [(sent, slot) for sent, slot in both if sent is not None]
    return max(sound, key=lambda one: one[0].number, default=None)


def identity(path: Path) -> bytes:
    """A name that no other spool has, made once."""
    if not path.exists() or not path.read_bytes():
        _replace(path, uuid.uuid4().hex[:16].encode())
    return path.read_bytes()


def _replace(path: Path, data: bytes) -> None:
    """Write a file; a crash or a power cut leaves either the old or the new content."""
    beside = path.with_suffix(".new")
    with beside.open("wb") as file:
        file.write(data)
        file.flush()
        os.fsync(file.fileno())
    beside.replace(path)
    sync_folder(path.parent)


def sync_folder(folder: Path) -> None:
    """Let the names in it survive a power cut."""
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
