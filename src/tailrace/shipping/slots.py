"""A spool for each process that writes at the same time; what dead ones left is found again."""

import fcntl
import os
from collections.abc import Iterator
from itertools import count
from pathlib import Path
from typing import Final

from tailrace.core.errors import ConfigurationError

MOST_SLOTS: Final = 1_000
"""Processes of one task on one machine; more means that something starts them without end."""


class Slot:
    """A numbered folder that one process holds; the system gives it back however the process ends."""

    def __init__(self, folder: Path, descriptor: int) -> None:
        self.folder = folder
        self._descriptor = descriptor

    def release(self) -> None:
        """Give it back; in a forked child this leaves it to the parent."""
        if self._descriptor >= 0:
            os.close(self._descriptor)
            self._descriptor = -1


def take(folder: Path) -> Slot | None:
    """The folder for this process alone; None if another has it."""
    folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    descriptor = os.open(folder / "lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        os.close(descriptor)
        return None
    return Slot(folder, descriptor)


def take_slots(parent: Path) -> tuple[Slot, list[Slot]]:
    """A slot for this process, and those that nobody holds any more.

    Raises:
        ConfigurationError: nothing can be written there.
    """
    try:
        own, *left = _free(parent)
    except OSError as error:
        raise unusable(parent, error) from None
    except ValueError:
        raise ConfigurationError(f"All {MOST_SLOTS:,} spools in {parent} are in use.") from None
    return own, left


def hold(folder: Path, taken: str) -> Slot:
    """The folder for this process alone.

    Raises:
        ConfigurationError: another has it, as `taken` says, or nothing can be written there.
    """
    try:
        slot = take(folder)
    except OSError as error:
        raise unusable(folder, error) from None
    if slot is None:
        raise ConfigurationError(taken, hint="End the other process first.")
    return slot


def unusable(folder: Path, error: OSError) -> ConfigurationError:
    """That a folder cannot hold a spool."""
    return ConfigurationError(
        f"Lines cannot be kept in {folder}.",
        cause=error.strerror or str(error),
        hint="Name a folder that you may write to, on a disk of this machine, with `spool`.",
    )


def _free(parent: Path) -> Iterator[Slot]:
    """One slot at least, and no new one if there is one; the first is the lowest."""
    found = False
    for number in count():
        folder = parent / str(number)
        if (found and not folder.exists()) or number >= MOST_SLOTS:
            return
        slot = take(folder)
        if slot is not None:
            found = True
            yield slot
