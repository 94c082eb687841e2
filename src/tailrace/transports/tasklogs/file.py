"""One reader's way along a task's log file: from a place on, over rotation and truncation.

All of it blocks, so it runs on threads; a lock lets one in at a time.
"""

import threading
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import NamedTuple, TypeVar

from tailrace.protocol.tasklog_cursor import FilePlace
from tailrace.transports.tasklogs.folder import Identity, Listed, LogFile, LogFolder

T = TypeVar("T")

READ_BYTES = 64 << 10
# However short they are: each costs a place, and its client a turn of everybody's loop.
LINES_AT_ONCE = 1024
# A longer line is given in parts: nobody's memory depends on what a worker writes.
LONGEST_LINE = 1 << 20
# The last lines are looked for in so many bytes.
LAST_BYTES = 64 << 20


class Read(NamedTuple):
    """Lines and the place after them, and after each if asked for.

    `more` says that there may be more to read at once, `cut` that bytes may be missing before these lines,
    `unfinished` that the file ends in a line without its line feed.
    """

    lines: Sequence[bytes] = ()
    place: FilePlace | None = None
    places: Sequence[FilePlace] = ()
    more: bool = False
    cut: bool = False
    unfinished: bool = False


class FileReader:
    """Reads a task's log from a place on, and what it becomes.

    Args:
        folder: where logs lie.
        task: whose log it is.
        each: whether the place after each line is wanted.
    """

    def __init__(self, folder: LogFolder, task: str, *, each: bool = False) -> None:
        self._folder = folder
        self._task = task
        self._each = each
        self._lock = threading.Lock()
        self._closed = False
        self._file: LogFile | None = None
        self._offset = 0
        self._place: FilePlace | None = None
        # What bears the name after this file, the oldest first; opened when its turn comes.
        self._next: deque[Listed] = deque()
        self._cut = False
        # Whether it stands behind a line that was given without its line feed.
        self._in_line = False
        # What file and name were like just before it last read.
        self._seen: object = None

    # -- where it begins

    def begin_last(self, count: int) -> Read:
        """Begin where the last lines do, if there is a log, and read."""
        with self._entered():
            file = self._open()
            if file is not None:
                self._stand_at(file, file.last_lines(count, min(LAST_BYTES, max(1, count) * LONGEST_LINE)))
            return self._read()

    def begin_at(self, place: FilePlace) -> Read:
        """Begin at a place, in whatever its file is called by now, and read."""
        with self._entered():
            if not self._closed:
                self._resume(place)
            return self._read()

    def _open(self) -> LogFile | None:
        if self._file is None and not self._closed:
            self._take(self._folder.open(self._task), 0)
        return self._file

    def _take(self, file: LogFile | None, offset: int) -> None:
        if self._file is not None:
            self._file.close()
        self._file = file
        self._in_line = False
        self._go_to(offset)

    def _go_to(self, offset: int) -> None:
        file, self._offset = self._file, offset
        self._place = FilePlace(file.tag(offset), file.inode, offset) if file else None

    def _resume(self, place: FilePlace) -> None:
        """Find the file that a place was in, go on there, and then in those that came after it."""
        listed = self._folder.files(self._task)
        found, later = self._find(listed, place)
        self._next = deque(later)
        self._cut = found is None and place.offset > 0
        if found is None:
            self._take(self._folder.open(self._task), 0)
        else:
            self._take(found, place.offset)
            self._stand_at(found, place.offset)

    def _stand_at(self, file: LogFile, offset: int) -> None:
        self._go_to(offset)
        self._in_line = offset > 0 and file.read(offset - 1, 1) != b"\n"

    def _find(self, listed: Sequence[Listed], place: FilePlace) -> tuple[LogFile | None, Sequence[Listed]]:
        """The file that a place is in, by its number where several could be it, and those after it."""
        order = sorted(range(len(listed)), key=lambda n: (listed[n].inode == place.inode, n), reverse=True)
        for n in order:
            if not place.offset and listed[n].inode != place.inode:
                break
            file = self._folder.open_listed(self._task, listed[n])
            if file is not None and _has(file, place):
                return file, listed[n + 1 :]
        return None, ()

    # -- reading

    def read(self) -> Read:
        """The next whole lines, from the beginning if it has not begun."""
        with self._entered():
            return self._read()

    def _read(self) -> Read:
        self._seen = self._state()
        file = self._open()
        if file is None:
            return Read()
        data, whole = self._whole_lines(file)
        if self._is_cut(file):
            return Read(more=self._file is not None)
        return self._give(file, data, whole=whole) if data else self._at_end(file)

    def _is_cut(self, file: LogFile) -> bool:
        """Whether it was cut, even while it was read; where it was copied before, the copy has the rest."""
        if self._place is None or file.has(self._place):
            return False
        self._resume(self._place)
        return True

    def rest(self) -> Read:
        """An unfinished last line, for a reader who does not wait for its end."""
        with self._entered():
            file = self._file
            if file is None:
                return Read()
            data = _first_lines(file.read(self._offset, LONGEST_LINE))
            if not data or self._is_cut(file):
                return Read()
            return self._give(file, data, whole=data.endswith(b"\n"))

    def _whole_lines(self, file: LogFile) -> tuple[bytes, bool]:
        """The bytes of whole lines, or a part of one that is too long."""
        data = file.read(self._offset, READ_BYTES)
        cut = data.rfind(b"\n") + 1
        if not cut and len(data) == READ_BYTES:
            data = file.read(self._offset, LONGEST_LINE)
            cut = data.find(b"\n") + 1
            if not cut and len(data) == LONGEST_LINE:
                return data, False
        return _first_lines(data[:cut]), True

    def _give(self, file: LogFile, data: bytes, *, whole: bool) -> Read:
        lines = data.split(b"\n")
        if whole:
            lines.pop()
        if self._in_line and data.startswith(b"\n"):
            # The line feed of a line that was given ends no further one.
            del lines[0]
            self._offset, data = self._offset + 1, data[1:]
        self._in_line = not whole
        after = self._offset + len(data)
        places = self._places(file, lines, after) if self._each else ()
        self._go_to(after)
        cut, self._cut = self._cut, False
        return Read(lines, self._place, places, more=True, cut=cut)

    def _places(self, file: LogFile, lines: Sequence[bytes], after: int) -> Sequence[FilePlace]:
        places: list[FilePlace] = []
        offset = self._offset
        for line in lines:
            # An unfinished line has no line feed yet.
            offset = min(offset + len(line) + 1, after)
            places.append(FilePlace(file.tag(offset), file.inode, offset))
        return places

    # -- rotation

    def _at_end(self, file: LogFile) -> Read:
        named = self._folder.named(self._task)
        if not self._next and named is not None and named[:2] != file.identity:
            self._find_next(file)
        if not self._next:
            return Read(place=self._place, unfinished=file.size() > self._offset)
        data = file.read(self._offset, LONGEST_LINE)
        if b"\n" in data:
            # Its worker has gone on with it meanwhile.
            return Read(more=True)
        # What nobody will end any more is a line.
        read = self._give(file, data, whole=False) if data else Read(more=True)
        if len(data) < LONGEST_LINE:
            self._take_next()
        return read

    def _take_next(self) -> None:
        while self._next:
            file = self._folder.open_listed(self._task, self._next[0])
            self._next.popleft()
            if file is not None:
                self._take(file, 0)
                return
            # It was deleted before its turn.
            self._cut = True
        self._take(self._folder.open(self._task), 0)

    def _find_next(self, file: LogFile) -> None:
        """Another file bears the name; a worker may go on with the old one until the new one has bytes."""
        listed = self._folder.files(self._task)
        places = [n for n, other in enumerate(listed) if other.identity == file.identity]
        # If it lies there no more, what lies there under the name goes on.
        later = listed[places[0] + 1 :] if places else listed[-1:]
        if any(other.size for other in later):
            self._next.extend(later)

    # -- waiting

    def changed(self) -> bool:
        """Whether a read may bring something: it is there, has grown, was cut, or is another one."""
        with self._entered(blocking=False) as entered:
            return entered and not self._closed and self._state() != self._seen

    @property
    def identity(self) -> Identity | None:
        """What the file is that it reads now."""
        file = self._file
        return file.identity if file else None

    def with_descriptor(self, use: Callable[[int], T]) -> T | None:
        """What is done with the open file's descriptor; None without one, or while it is read."""
        with self._entered(blocking=False) as entered:
            return self._file.with_descriptor(use) if entered and self._file is not None else None

    def _state(self) -> object:
        return self._file and self._file.state(), self._folder.named(self._task)

    @contextmanager
    def _entered(self, *, blocking: bool = True) -> Iterator[bool]:
        """Be the only one in it, unless another one is and is not waited for."""
        entered = self._lock.acquire(blocking)
        try:
            yield entered
        finally:
            if entered:
                self._lock.release()
                self._let_go_if_closed()

    def close(self) -> None:
        """Let all files go, or leave it to whoever reads just now: nobody waits for that."""
        self._closed = True
        self._let_go_if_closed()

    def _let_go_if_closed(self) -> None:
        if not self._closed or not self._lock.acquire(blocking=False):
            return
        try:
            self._next.clear()
            file, self._file = self._file, None
            if file is not None:
                file.close()
        finally:
            self._lock.release()


def _first_lines(data: bytes) -> bytes:
    """As much of it as is given at once."""
    if data.count(b"\n") <= LINES_AT_ONCE:
        return data
    return data[: len(data) - len(data.split(b"\n", LINES_AT_ONCE)[-1])]


def _has(file: LogFile, place: FilePlace) -> bool:
    """Whether a place is in a file, which is closed otherwise."""
    has = False
    try:
        has = file.has(place)
    finally:
        if not has:
            file.close()
    return has
