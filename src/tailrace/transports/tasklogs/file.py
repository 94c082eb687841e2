"""One reader's way along a task's log file: from a place on, over rotation and truncation.

All of it blocks, so it runs on threads; a lock lets one in at a time.
"""

import threading
from collections import deque
from collections.abc import Iterable, Sequence
from typing import NamedTuple

from tailrace.protocol.tasklog_cursor import FilePlace
from tailrace.transports.tasklogs.folder import LogFile, LogFolder

READ_BYTES = 64 << 10
# A longer line is given in parts: nobody's memory depends on what a worker writes.
LONGEST_LINE = 1 << 20
# The last lines are looked for in so many bytes.
LAST_BYTES = 64 << 20


class Read(NamedTuple):
    """Lines and the place after them, and after each if asked for.

    `more` says that there may be more to read at once, `cut` that bytes may be missing before these lines.
    """

    lines: Sequence[bytes] = ()
    place: FilePlace | None = None
    places: Sequence[FilePlace] = ()
    more: bool = False
    cut: bool = False


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
        # What bears the name after this file, the oldest first.
        self._next: deque[LogFile] = deque()
        self._cut = False
        # Whether it has come to the end since it last read: the file may be another one by now.
        self._waited = False
        self._seen = (-1, -1)

    # -- where it begins

    def begin_last(self, count: int) -> Read:
        """Begin where the last lines do, if there is a log, and read."""
        with self._lock:
            file = self._open()
            if file is not None:
                self._go_to(file.last_lines(count, min(LAST_BYTES, max(1, count) * LONGEST_LINE)))
            return self._read()

    def begin_at(self, place: FilePlace) -> Read:
        """Begin at a place, in whatever its file is called by now, and read."""
        with self._lock:
            if not self._closed:
                self._resume(place)
            return self._read()

    def _open(self) -> LogFile | None:
        if self._file is None and not self._closed:
            self._take(self._folder.open(self._task), 0)
        return self._file

    def _take(self, file: LogFile | None, offset: int) -> None:
        _close([self._file] if self._file else ())
        self._file = file
        self._waited = False
        self._go_to(offset)

    def _go_to(self, offset: int) -> None:
        file, self._offset = self._file, offset
        self._place = FilePlace(file.tag(offset), file.inode, offset) if file else None

    def _resume(self, place: FilePlace) -> None:
        """Find the file that a place was in, go on there, and then in those that came after it."""
        found, later = self._from(place)
        _close(self._next)
        self._next = deque(later)
        lost = found is None or not found.has(place)
        self._cut = lost and place.offset > 0
        self._take(found, 0 if lost else place.offset)
        self._skip_line_feed()

    def _from(self, place: FilePlace) -> tuple[LogFile | None, Sequence[LogFile]]:
        """The file of a place and those after it; just the log as it is now where it can't be found."""
        rotated, current = self._folder.rotated(self._task), self._folder.open(self._task)
        files = [*rotated, *([current] if current else ())]
        found = _find(files, place)
        if found is None:
            _close(rotated)
            return current, ()
        _close(files[:found])
        return files[found], files[found + 1 :]

    def _skip_line_feed(self) -> None:
        """Behind an unfinished line that was given, its line feed ends no further one."""
        if self._file is None or not self._offset:
            return
        before, after = self._file.read(self._offset - 1, 1), self._file.read(self._offset, 1)
        if before != b"\n" and after == b"\n":
            self._go_to(self._offset + 1)

    # -- reading

    def read(self) -> Read:
        """The next whole lines, from the beginning if it has not begun."""
        with self._lock:
            return self._read()

    def _read(self) -> Read:
        file = self._open()
        if file is None:
            return Read()
        if self._waited and self._place is not None and not file.has(self._place):
            # It was cut; where it was copied before, the copy has what was not read yet.
            self._resume(self._place)
            return Read(more=self._file is not None)
        data, whole = self._whole_lines(file)
        if data:
            self._waited = False
            return self._give(file, data, whole=whole)
        self._waited = True
        return self._at_end(file)

    def rest(self) -> Read:
        """An unfinished last line, for a reader who does not wait for its end."""
        with self._lock:
            if self._file is None:
                return Read()
            data = self._file.read(self._offset, LONGEST_LINE)
            return self._give(self._file, data, whole=data.endswith(b"\n")) if data else Read()

    def _whole_lines(self, file: LogFile) -> tuple[bytes, bool]:
        """The bytes of whole lines, or a part of one that is too long."""
        data = file.read(self._offset, READ_BYTES)
        cut = data.rfind(b"\n") + 1
        if not cut and len(data) == READ_BYTES:
            data = file.read(self._offset, LONGEST_LINE)
            cut = data.find(b"\n") + 1
            if not cut and len(data) == LONGEST_LINE:
                return data, False
        return data[:cut], True

    def _give(self, file: LogFile, data: bytes, *, whole: bool) -> Read:
        lines = data.split(b"\n")
        if whole:
            lines.pop()
        places = self._places(file, lines) if self._each else ()
        self._go_to(self._offset + len(data))
        cut, self._cut = self._cut, False
        return Read(lines, self._place, places, more=True, cut=cut)

    def _places(self, file: LogFile, lines: Sequence[bytes]) -> Sequence[FilePlace]:
        places: list[FilePlace] = []
        offset = self._offset
        for line in lines:
            # An unfinished line has no line feed yet.
            offset = min(offset + len(line) + 1, file.size())
            places.append(FilePlace(file.tag(offset), file.inode, offset))
        return places

    # -- rotation

    def _at_end(self, file: LogFile) -> Read:
        if not self._next and self._folder.identity(self._task) not in {None, file.identity}:
            self._find_next(file)
        if not self._next:
            return Read(place=self._place)
        data = file.read(self._offset, LONGEST_LINE)
        if b"\n" in data:
            # Its worker has gone on with it meanwhile.
            return Read(more=True)
        # What nobody will end any more is a line.
        read = self._give(file, data, whole=False) if data else Read(more=True)
        if len(data) < LONGEST_LINE:
            self._take(self._next.popleft(), 0)
        return read

    def _find_next(self, file: LogFile) -> None:
        """Another file bears the name; a worker may go on with the old one until the new one has bytes."""
        assert self._place is not None
        found, later = self._from(self._place)
        if found is not None and found.identity != file.identity:
            later = [found, *later]
        elif found is not None:
            found.close()
        if any(other.size() for other in later):
            self._next.extend(later)
        else:
            _close(later)

    # -- waiting

    def changed(self) -> bool:
        """Whether a look at it may bring something: it is there, has grown, was cut, or is another one."""
        if not self._lock.acquire(blocking=False):
            return False
        try:
            file = self._file
            if file is None:
                return self._open() is not None
            state, self._seen = self._seen, file.state()
            return state != self._seen or self._folder.identity(self._task) not in {None, file.identity}
        finally:
            self._lock.release()

    def close(self) -> None:
        """Let all files go."""
        with self._lock:
            self._closed = True
            _close([*self._next, *([self._file] if self._file else ())])
            self._next.clear()
            self._file = None


def _close(files: Iterable[LogFile]) -> None:
    for file in files:
        file.close()


def _find(files: Sequence[LogFile], place: FilePlace) -> int | None:
    """Which file a place is in: one with what stood before it, by its number where several have that."""
    matching = [n for n, file in enumerate(files) if file.has(place)]
    same = [n for n in matching if files[n].inode == place.inode]
    if not place.offset:
        return same[-1] if same else None
    return max(same or matching, default=None)
