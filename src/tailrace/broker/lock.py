"""One cluster to a data folder at a time."""

import fcntl
import os
import time
from pathlib import Path
from typing import Final

from tailrace.broker.errors import EmbeddedKafkaError

LOOK_EVERY: Final = 0.05
ORPHANS_END_WITHIN: Final = 6.0
"""Seconds in which the nodes of an owner that was killed are gone."""


class FolderLock:
    """A lock that our process and its nodes share; it is free when the last of them is gone."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._descriptor = -1

    @property
    def descriptor(self) -> int:
        """The file descriptor that nodes inherit."""
        return self._descriptor

    def take(self) -> None:
        """Take it; wait only for the nodes of an owner that is dead."""
        self._descriptor = os.open(self._folder / "owner.lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        deadline = time.monotonic() + ORPHANS_END_WITHIN
        while not self._taken():
            owner = os.pread(self._descriptor, 32, 0).decode().strip()
            if _alive(owner) or time.monotonic() > deadline:
                os.close(self._descriptor)
                self._descriptor = -1
                raise EmbeddedKafkaError(
                    f"A broker already runs on the data in {self._folder}.",
                    cause=f"Process {owner or 'unknown'} uses it.",
                    hint="End it first, or choose another folder with --data-dir.",
                )
            time.sleep(LOOK_EVERY)
        os.ftruncate(self._descriptor, 0)
        os.pwrite(self._descriptor, f"{os.getpid()}\n".encode(), 0)

    def _taken(self) -> bool:
        try:
            fcntl.flock(self._descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return False
        return True

    def release(self) -> None:
        """Give it back; forked children that inherited it hold nothing either."""
        if self._descriptor >= 0:
            fcntl.flock(self._descriptor, fcntl.LOCK_UN)
            os.close(self._descriptor)
            self._descriptor = -1


def _alive(process_id: str) -> bool:
    if not process_id.isdigit():
        return False
    try:
        os.kill(int(process_id), 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return True
