"""What programs print: split into lines, kept in a file of bounded size for each program."""

import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import BinaryIO

MAX_LINE_BYTES = 64 * 1024
"""A longer line is shown and kept in pieces."""
SHOWN_LINES = 500
"""A second, of one program; the rest is in its file alone."""
KEPT_BYTES = 8 * 1024 * 1024
"""A program's file and the one before it, each."""


class LineSplitter:
    """Bytes as they come into whole lines, without their ends."""

    def __init__(self) -> None:
        self._rest = b""

    def split(self, data: bytes) -> Iterator[bytes]:
        """The lines that are complete now."""
        *lines, rest = (self._rest + data).split(b"\n")
        for line in lines:
            yield from _pieces(line)
        while len(rest) > MAX_LINE_BYTES:
            yield rest[:MAX_LINE_BYTES]
            rest = rest[MAX_LINE_BYTES:]
        self._rest = rest

    def end(self) -> Iterator[bytes]:
        """What came after the last line's end."""
        if self._rest:
            yield self._rest
        self._rest = b""


def _pieces(line: bytes) -> Iterator[bytes]:
    yield line[:MAX_LINE_BYTES]
    for start in range(MAX_LINE_BYTES, len(line), MAX_LINE_BYTES):
        yield line[start : start + MAX_LINE_BYTES]


class Throttle:
    """Which lines of one program are shown: so many a second, as nobody reads more."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._since = clock()
        self._shown = self._left_out = 0

    def left_out(self) -> int:
        """How many were not shown, once their second is over; then they are told."""
        if self._clock() - self._since < 1:
            return 0
        self._since, self._shown = self._clock(), 0
        count, self._left_out = self._left_out, 0
        return count

    def passes(self) -> bool:
        """Whether one more is shown."""
        shown = self._shown < SHOWN_LINES
        self._shown += shown
        self._left_out += not shown
        return shown


class KeptOutput:
    """A program's file; when it is full it becomes FILE.1 and a new one is begun."""

    def __init__(self, path: Path, most: int = KEPT_BYTES) -> None:
        self.path = path
        self._most = most
        path.parent.mkdir(parents=True, exist_ok=True)
        self._file: BinaryIO = path.open("ab", buffering=0)
        self._size = self._file.tell()

    def add(self, line: bytes) -> None:
        """One more line."""
        if self._size + len(line) >= self._most:
            self._turn()
        self._size += self._file.write(line + b"\n")

    def close(self) -> None:
        """No more of it."""
        self._file.close()

    def _turn(self) -> None:
        self._file.close()
        self.path.replace(self.path.with_name(f"{self.path.name}.1"))
        self._file = self.path.open("ab", buffering=0)
        self._size = 0
