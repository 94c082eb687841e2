"""The folder of workers' logs: `<folder>/<task>/worker.log`, and nothing that lies elsewhere.

Each step is taken from the descriptor of the folder before it and follows no link, so that whoever writes
into a task's folder can lead a reader nowhere: not by a link, a device, or a rename at the right moment.
"""

import errno
import logging
import os
import re
import stat
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from itertools import islice
from pathlib import Path
from typing import NamedTuple, TypeVar

from tailrace.core.cursors import valid_topic_name
from tailrace.protocol.tasklog_cursor import (
    FILE_NAME,
    HEAD_BYTES,
    INODES,
    TAIL_BYTES,
    FilePlace,
    content_tag,
)

T = TypeVar("T")

_log = logging.getLogger("tailrace.tasklogs")

# Rotated files of one task that are looked at, the newest.
MOST_FILES = 64
# Of a task's folder, each time it is listed: its owner may fill it, and others wait for the same threads.
MOST_ENTRIES = 4096
SCAN_BYTES = 64 << 10
# A folder that is rotated while it is listed is listed again.
LISTINGS = 3

# Nothing there, a link, or what is no file: a socket, or a device that is not there.
_ABSENT = frozenset({errno.ENOENT, errno.ENOTDIR, errno.ELOOP, errno.ENXIO, errno.ENODEV})
# What a log is renamed or copied to, and neither what is packed nor what others keep beside it.
_ROTATED = re.compile(rf"{re.escape(FILE_NAME)}[.-]\d[\d._T-]*", re.ASCII)
_FOLDER = os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC
# Without waiting: a named pipe would keep us until somebody writes into it.
_FILE = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_NOCTTY | os.O_CLOEXEC


Identity = tuple[int, int]


class Listed(NamedTuple):
    """A file that lies in a task's folder; `identity` is what it is, whatever its name becomes."""

    name: str
    identity: Identity
    modified: int
    size: int

    @property
    def inode(self) -> int:
        """Its number as cursors tell it."""
        return self.identity[1] % INODES


class LogFile:
    """An open log file; `identity` is what it is, whatever its name becomes."""

    def __init__(self, descriptor: int, found: os.stat_result) -> None:
        self._descriptor = descriptor
        self.identity: Identity = (found.st_dev, found.st_ino)

    @property
    def inode(self) -> int:
        """Its number as cursors tell it."""
        return self.identity[1] % INODES

    def with_descriptor(self, use: Callable[[int], T]) -> T:
        """What is done with its descriptor."""
        return use(self._descriptor)

    def size(self) -> int:
        """How long it is now."""
        return os.fstat(self._descriptor).st_size

    def state(self) -> tuple[int, int]:
        """What differs once somebody has written."""
        found = os.fstat(self._descriptor)
        return found.st_size, found.st_mtime_ns

    def read(self, offset: int, nbytes: int) -> bytes:
        """Some bytes from a place on; fewer at its end."""
        return os.pread(self._descriptor, nbytes, offset)

    def tag(self, offset: int) -> str:
        """The tag of a place in it."""
        head = self.read(0, min(HEAD_BYTES, offset))
        start = max(0, offset - TAIL_BYTES)
        return content_tag(head, self.read(start, offset - start))

    def has(self, place: FilePlace) -> bool:
        """Whether what stands before the place is in it."""
        return self.size() >= place.offset and self.tag(place.offset) == place.tag

    def last_lines(self, count: int, most_bytes: int) -> int:
        """Where its last lines begin; an unfinished one is the last of them."""
        size = self.size()
        if not count:
            return size
        floor = max(0, size - most_bytes)
        # The line feed at its very end begins no further line.
        wanted = count + (size > 0 and self.read(size - 1, 1) == b"\n")
        stop = size
        while stop > floor:
            start = max(floor, stop - SCAN_BYTES)
            data = self.read(start, stop - start)
            found = data.count(b"\n")
            if found >= wanted:
                return start + _nth_last(data, wanted) + 1
            wanted -= found
            stop = start
        return floor

    def close(self) -> None:
        """Let it go."""
        os.close(self._descriptor)


class LogFolder:
    """Opens logs by their task's id.

    Args:
        path: where tasks' folders lie; empty for none.
    """

    def __init__(self, path: str) -> None:
        self._path = path

    def warn_if_absent(self) -> None:
        """Tell whoever runs this that no log will be found, unless the folder is made or mounted later."""
        if self._path and not Path(self._path).is_dir():
            _log.warning("There is no folder %s (tasklogs.folder); files of logs are not found.", self._path)

    def open(self, task: str) -> LogFile | None:
        """A task's log, if there is one."""
        with self._task(task) as folder:
            return None if folder is None else _open(folder, FILE_NAME)

    def has(self, task: str) -> bool:
        """Whether a task has a log that can be read."""
        file = self.open(task)
        if file is not None:
            file.close()
        return file is not None

    def named(self, task: str) -> tuple[int, ...] | None:
        """What bears the log's name now, and what differs once it can be read; it is not opened."""
        try:
            found = (Path(self._path) / task / FILE_NAME).lstat()
        except OSError as error:
            if error.errno not in _ABSENT:
                raise
            return None
        return found.st_dev, found.st_ino, found.st_size, found.st_nlink

    def files(self, task: str) -> Sequence[Listed]:
        """A task's log and what it was before, the oldest first."""
        with self._task(task) as folder:
            if folder is None:
                return ()
            files: Sequence[Listed] = ()
            for _ in range(LISTINGS):
                files, before = _list(folder), files
                if [file.identity for file in files] == [file.identity for file in before]:
                    break
            return files

    def open_listed(self, task: str, listed: Listed) -> LogFile | None:
        """A file of a task by what it is, whatever it is called by now; none if it is gone."""
        with self._task(task) as folder:
            name: str | None = listed.name
            for _ in range(LISTINGS):
                if folder is None or name is None:
                    break
                file = _open(folder, name)
                if file is not None and file.identity == listed.identity:
                    return file
                if file is not None:
                    # Another has got its name meanwhile.
                    file.close()
                name = next(
                    (other.name for other in _list(folder) if other.identity == listed.identity), None
                )
        return None

    @contextmanager
    def _task(self, task: str) -> Iterator[int | None]:
        """The descriptor of a task's own folder."""
        if not self._path or not valid_topic_name(task):
            yield None
            return
        with _opened(self._path, _FOLDER, None) as root:
            if root is None:
                yield None
                return
            with _opened(task, _FOLDER | os.O_NOFOLLOW, root) as folder:
                yield folder


@contextmanager
def _opened(name: str, flags: int, within: int | None) -> Iterator[int | None]:
    descriptor = _descriptor(name, flags, within)
    try:
        yield descriptor
    finally:
        if descriptor is not None:
            os.close(descriptor)


def _descriptor(name: str, flags: int, within: int | None) -> int | None:
    try:
        return os.open(name, flags, dir_fd=within)
    except OSError as error:
        if error.errno not in _ABSENT:
            # Taken for a log that is not there yet, it would be read from its beginning later.
            raise
        return None


def _open(folder: int, name: str) -> LogFile | None:
    descriptor = _descriptor(name, _FILE, folder)
    if descriptor is None:
        return None
    found = os.fstat(descriptor)
    if _is_log(found):
        return LogFile(descriptor, found)
    os.close(descriptor)
    return None


def _list(folder: int) -> Sequence[Listed]:
    with os.scandir(folder) as entries:
        names = [entry.name for entry in islice(entries, MOST_ENTRIES) if _ROTATED.fullmatch(entry.name)]
    # The log itself is one of them, whatever else lies there; one that is renamed meanwhile may be met twice.
    found = [_listed(folder, name) for name in (*names, FILE_NAME)]
    files = {file.identity: file for file in found if file is not None}
    ordered = sorted(files.values(), key=lambda file: (file.name == FILE_NAME, file.modified))
    return ordered[-MOST_FILES - 1 :]


def _listed(folder: int, name: str) -> Listed | None:
    try:
        found = os.stat(name, dir_fd=folder, follow_symlinks=False)
    except FileNotFoundError:
        return None
    if not _is_log(found):
        return None
    return Listed(name, (found.st_dev, found.st_ino), found.st_mtime_ns, found.st_size)


def _is_log(found: os.stat_result) -> bool:
    # A second name would be a way to any file of the same disk; a rotated file that is deleted has none.
    return stat.S_ISREG(found.st_mode) and found.st_nlink <= 1


def _nth_last(data: bytes, count: int) -> int:
    at = len(data)
    for _ in range(count):
        at = data.rfind(b"\n", 0, at)
    return at
