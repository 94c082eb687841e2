"""The system's word that a log file was written to: sooner than the next look at it, and only on Linux."""

import asyncio
import ctypes
import logging
import os
import struct
from collections import defaultdict
from collections.abc import Callable

from tailrace.transports.tasklogs.file import FileReader
from tailrace.transports.tasklogs.folder import Identity

_log = logging.getLogger("tailrace.tasklogs")

# From linux/inotify.h.
_IN_MODIFY = 0x2
_EVENT = struct.Struct("iIII")
_READ_BYTES = 64 << 10
# A line at a time of many busy workers must not become a read each: the more files were told of, the longer
# nothing is heard, up to what a look takes.
PAUSE_SECONDS = 0.005
PAUSE_A_FILE_SECONDS = 0.001
LONGEST_PAUSE_SECONDS = 0.1


class WriteNotices:
    """Tells of files that were written to; used on the event loop.

    Where the system gives none, or no more, nothing is told: files have to be looked at besides, as they do
    for a rotation, and on disks of other machines.

    Args:
        told: hears which file a read may bring something of.
    """

    def __init__(self, told: Callable[[FileReader], None]) -> None:
        self._told = told
        self._loop = asyncio.get_running_loop()
        self._inotify = _Inotify.open()
        self._watches: dict[FileReader, tuple[Identity, int]] = {}
        self._files: defaultdict[int, set[FileReader]] = defaultdict(set)
        self._listen()

    def follow(self, file: FileReader) -> None:
        """Tell of the file that it reads now, from now on."""
        identity = file.identity
        if identity == self._watches.get(file, (None,))[0]:
            return
        self.forget(file)
        watch = file.with_descriptor(self._inotify.add) if self._inotify and identity else None
        if watch is not None and identity is not None:
            self._watches[file] = identity, watch
            self._files[watch].add(file)

    def forget(self, file: FileReader) -> None:
        """Tell of it no more."""
        _, watch = self._watches.pop(file, (None, None))
        if watch is None:
            return
        readers = self._files[watch]
        readers.discard(file)
        if not readers:
            del self._files[watch]
            if self._inotify:
                self._inotify.remove(watch)

    def close(self) -> None:
        """Tell of nothing more."""
        if self._inotify:
            self._loop.remove_reader(self._inotify.descriptor)
            self._inotify.close()
            self._inotify = None

    def _listen(self) -> None:
        if self._inotify:
            self._loop.add_reader(self._inotify.descriptor, self._come)

    def _come(self) -> None:
        if self._inotify is None:
            return
        files = {file for watch in self._inotify.written() for file in self._files.get(watch, ())}
        for file in files:
            self._told(file)
        self._loop.remove_reader(self._inotify.descriptor)
        pause = min(PAUSE_SECONDS + len(files) * PAUSE_A_FILE_SECONDS, LONGEST_PAUSE_SECONDS)
        self._loop.call_later(pause, self._listen)


class _Inotify:
    """Linux's inotify, as far as it is needed here."""

    def __init__(self, library: ctypes.CDLL, descriptor: int) -> None:
        self._library = library
        self.descriptor = descriptor

    @classmethod
    def open(cls) -> "_Inotify | None":
        """None where the system has it not, or has no more of it for this user."""
        try:
            library = ctypes.CDLL(None, use_errno=True)
            descriptor = library.inotify_init1(os.O_NONBLOCK | os.O_CLOEXEC)
        except (OSError, AttributeError):
            return None
        if descriptor < 0:
            _log.info("Log files are only looked at: %s.", os.strerror(ctypes.get_errno()))
            return None
        return cls(library, descriptor)

    def add(self, descriptor: int) -> int | None:
        """Watch an open file, whatever its name; the watch's number, None if it can't be."""
        # The system's link to the open file itself: no path that a worker could bend is looked up again.
        path = b"/proc/self/fd/%d" % descriptor
        watch: int = self._library.inotify_add_watch(self.descriptor, path, _IN_MODIFY)
        return None if watch < 0 else watch

    def remove(self, watch: int) -> None:
        """Watch it no more."""
        self._library.inotify_rm_watch(self.descriptor, watch)

    def written(self) -> set[int]:
        """The watches of files that were written to."""
        try:
            data = os.read(self.descriptor, _READ_BYTES)
        except BlockingIOError:
            return set()
        watches, at = set(), 0
        while at < len(data):
            watch, _, _, name_bytes = _EVENT.unpack_from(data, at)
            watches.add(watch)
            at += _EVENT.size + name_bytes
        return watches

    def close(self) -> None:
        os.close(self.descriptor)
