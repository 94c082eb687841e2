"""A file into a spool: the place in the file is written together with the lines before it.

What a disk, or a rotation that is under way, refuses for a moment is waited for.
"""

import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Final

from tailrace.shipping.entries import Entry, line_entries
from tailrace.shipping.followed import FollowedFile, Taken
from tailrace.shipping.intake import SYNC_SECONDS
from tailrace.shipping.marks import decode_mark
from tailrace.shipping.spool import Spool

# A quiet file is looked at ever more rarely.
SHORTEST_PAUSE_SECONDS: Final = 0.01
LONGEST_PAUSE_SECONDS: Final = 0.2
ROOM_SECONDS: Final = 0.2
"""How often a wait for room in the spool looks whether it is to end."""


class FileIntake:
    """Moves a file's lines into a spool; a full spool leaves them in the file.

    Args:
        path: the file.
        spool: where its lines go; its mark says where to begin.
        say: tells people what is lost, and what is waited for.
        stopping: whether to leave.
    """

    def __init__(
        self, path: Path, spool: Spool, say: Callable[[str], None], stopping: Callable[[], bool]
    ) -> None:
        mark = decode_mark(spool.mark)
        if mark is None and spool.mark:
            say(f"the place in {path} cannot be read, so the file is sent from its beginning")
        self._file = FollowedFile(path, mark, say)
        self._spool = spool
        self._stopping = stopping
        self._sync_at = time.monotonic() + SYNC_SECONDS
        self._pause = SHORTEST_PAUSE_SECONDS
        self._unreadable = _Trouble(say, f"{path} is waited for, as it cannot be read now")
        self._full = _Trouble(say, f"lines stay in {path} while {spool.folder} cannot take them")
        self.lines = 0
        """How many were taken."""

    def follow(self) -> None:
        """Go on until it is stopped; a last line without an end stays in the file."""
        while not self._stopping():
            if not self._move(self._next()):
                self._wait()
        self._file.close()

    def run_to_end(self) -> None:
        """Go on until the end of the file that has the name now, a last line without an end included."""
        while not self._stopping():
            if taken := self._file.take():
                self._move(taken)
            elif self._file.at_end:
                self._move(self._file.rest())
                break
            else:
                self._move(None)
                self._wait()
        self._file.close()

    def _next(self) -> Taken | None:
        """The next lines; what keeps them from being read may pass."""
        with self._unreadable:
            return self._file.take()
        return None

    def _move(self, taken: Taken | None) -> bool:
        if time.monotonic() >= self._sync_at:
            with self._full:
                self._spool.sync()
            self._sync_at = time.monotonic() + SYNC_SECONDS
        if taken is None:
            return False
        entries = _entries(taken)
        mark = taken.mark.encode()
        while not self._append(entries, mark):
            with self._spool.changed:
                self._spool.changed.wait(ROOM_SECONDS)
            if self._stopping():
                return False
        self.lines += taken.lines.count(b"\n")
        self._pause = SHORTEST_PAUSE_SECONDS
        return True

    def _append(self, entries: list[Entry], mark: bytes) -> bool:
        with self._full:
            return self._spool.append(entries, mark)
        return False

    def _wait(self) -> None:
        threading.Event().wait(self._pause)
        self._pause = min(self._pause * 1.5, LONGEST_PAUSE_SECONDS)


class _Trouble:
    """Takes an OSError of what is tried in it and says it, once until it passes."""

    def __init__(self, say: Callable[[str], None], what: str) -> None:
        self._say = say
        self._what = what
        self._said = False

    def __enter__(self) -> None:
        pass

    def __exit__(self, _: object, error: BaseException | None, __: object) -> bool:
        if isinstance(error, OSError) and not self._said:
            self._say(f"{self._what}: {error.strerror or error}")
        self._said = isinstance(error, OSError)
        return self._said


def _entries(taken: Taken) -> list[Entry]:
    now = time.time_ns() // 1_000_000
    *lines, last = taken.lines.split(b"\n")
    entries = [entry for line in lines for entry in line_entries(now, line + b"\n", {})]
    if last:
        entries += line_entries(now, last, {}, more=taken.more)
    return entries
