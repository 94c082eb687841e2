"""A file that grows, is rotated or truncated, line by line."""

import os
import stat
import time
from collections.abc import Callable
from pathlib import Path
from typing import Final, NamedTuple

from tailrace.core.errors import ConfigurationError
from tailrace.shipping.entries import whole_characters
from tailrace.shipping.marks import Mark, find, later, mark_of, open_file

CHUNK_BYTES: Final = 256 << 10
MOST_LINES: Final = 5_000
QUIET_SECONDS: Final = 1.0
"""A renamed file may still be written to by who has it open; after this it is left for the next one."""
LATE_SECONDS: Final = 10.0
"""So long it is still looked at then, for a writer that opens the next one only when it is told to."""


class Taken(NamedTuple):
    """Whole lines with their ends, and the place behind them.

    The last one of a file may have no end; `more` says that it is a part of a line longer than a chunk.
    """

    lines: bytes
    mark: Mark
    more: bool = False


class _Left(NamedTuple):
    """A file that was left for the next one, how far it was read, and when it is looked at no more."""

    file: int
    offset: int
    until: float


class FollowedFile:
    """Gives the lines of a file, and of those that rotation puts in its place, each once and in order.

    Args:
        path: the file's name; it may be missing yet.
        mark: the place after what was taken before; None begins at the file's beginning.
        say: tells people what was lost: a file that went before it was read to its end.
        clock: seconds since 1970, as files' times.
    """

    def __init__(
        self,
        path: Path,
        mark: Mark | None,
        say: Callable[[str], None],
        clock: Callable[[], float] = time.time,
    ) -> None:
        self._path = path
        self._say = say
        self._clock = clock
        self._file = -1
        self._left: _Left | None = None
        self._sought = mark
        self._mark = mark or Mark()
        # Up to here it was looked at: a part of a line is not looked at again before the file has changed.
        self._seen_to = 0

    def take(self) -> Taken | None:
        """The next whole lines; None if there are none now."""
        if self._file < 0 and not self._begin():
            return None
        if self._has_more() and self._was_truncated():
            self._go_back()
        taken = self._read() if self._has_more() else None
        return taken or self._late_lines() or self._next_file()

    def rest(self) -> Taken | None:
        """The file's last line, if it has no end: nothing more will come."""
        if self._file < 0:
            return None
        data = os.pread(self._file, CHUNK_BYTES, self._mark.offset)
        return self._taken(data) if data else None

    @property
    def at_end(self) -> bool:
        """Whether all whole lines are taken that the file of that name has."""
        if self._file < 0 or self._has_more():
            return False
        if self._is_current(self._file) or (following := self._following()) is None:
            return True
        os.close(following)
        return False

    def close(self) -> None:
        """Close it."""
        self._leave_for_good()
        if self._file >= 0:
            os.close(self._file)
        self._file = -1

    def _begin(self) -> bool:
        """Open the file, at the place where it was left; whether it is there."""
        if self._sought is None:
            return self._open(open_file(self._path), 0)
        if not self._open(find(self._path, self._sought), self._sought.offset):
            following = later(self._path, self._sought)
            following = open_file(self._path) if following is None else following
            if following is None:
                return False  # the folder may come back as it was
            self._say(f"{self._path} is another file than before; what was not read of the old one is lost")
            self._open(following, 0)
        self._sought = None
        return True

    def _open(self, descriptor: int | None, offset: int) -> bool:
        if descriptor is None:
            return False
        if not stat.S_ISREG(os.fstat(descriptor).st_mode):
            os.close(descriptor)
            raise ConfigurationError(f"{self._path} is no file with lines.", hint="Name a regular file.")
        if self._file >= 0:
            os.close(self._file)
        self._file, self._seen_to = descriptor, offset
        self._mark = mark_of(descriptor, offset)
        return True

    def _has_more(self) -> bool:
        """Whether there is something that was not looked at yet, or less than there was."""
        return os.fstat(self._file).st_size != self._seen_to

    def _was_truncated(self) -> bool:
        return os.fstat(self._file).st_size < self._seen_to or not self._mark.fits(self._file)

    def _read(self) -> Taken | None:
        data = os.pread(self._file, CHUNK_BYTES, self._mark.offset)
        if whole := _whole_lines(data):
            return self._taken(whole)
        if len(data) == CHUNK_BYTES:
            return self._taken(whole_characters(data), more=True)
        self._seen_to = self._mark.offset + len(data)
        return None

    def _taken(self, lines: bytes, *, more: bool = False) -> Taken:
        self._seen_to = self._mark.offset + len(lines)
        self._mark = mark_of(self._file, self._seen_to)
        return Taken(lines, self._mark, more)

    def _go_back(self) -> None:
        """To the beginning; if a copy was made before, first to what was not read of it."""
        at = self._mark.offset
        # Nothing tells a copy of what was never taken but that it is not older.
        copy = find(self._path, self._mark) if at else later(self._path, self._mark.just_before())
        if not self._open(copy, at):
            self._mark, self._seen_to = mark_of(self._file, 0), 0

    def _next_file(self) -> Taken | None:
        """At the end: go to the file that came after this one, once nobody writes to this any more."""
        quiet = self._clock() - os.fstat(self._file).st_mtime >= QUIET_SECONDS
        if not quiet or self._is_current(self._file) or (following := self._following()) is None:
            return None
        rest = self.rest()
        self._leave_for_good()
        self._left = _Left(self._file, self._seen_to, self._clock() + LATE_SECONDS)
        self._file = -1
        self._open(following, 0)
        return rest or self.take()

    def _following(self) -> int | None:
        """A descriptor of the file that came after this one; None if there is none, or nothing in it yet."""
        following = later(self._path, mark_of(self._file, self._mark.offset))
        if following is not None and not os.fstat(following).st_size and self._is_current(following):
            os.close(following)
            return None
        return following

    def _late_lines(self) -> Taken | None:
        """What was written to the file before this one after it was left; the place is still in this one."""
        if self._left is None:
            return None
        file, offset, until = self._left
        data, over = os.pread(file, CHUNK_BYTES, offset), self._clock() > until
        if lines := data if over else _whole_lines(data):
            self._left = _Left(file, offset + len(lines), until)
            return Taken(lines, self._mark)
        if over:
            self._leave_for_good()
        return None

    def _leave_for_good(self) -> None:
        if self._left is not None:
            os.close(self._left.file)
        self._left = None

    def _is_current(self, descriptor: int) -> bool:
        status = os.fstat(descriptor)
        try:
            current = self._path.stat()
        except FileNotFoundError:
            return True  # until there is another
        return (current.st_dev, current.st_ino) == (status.st_dev, status.st_ino)


def _whole_lines(data: bytes) -> bytes:
    """The lines with an end, no more than fit a frame whatever their length."""
    if data.count(b"\n") <= MOST_LINES:
        return data[: data.rfind(b"\n") + 1]
    return data[: len(data) - len(data.split(b"\n", MOST_LINES)[-1])]
