"""Who may do what, read again whenever the settings file changes, while a gateway runs."""

import asyncio
import logging
from collections.abc import Callable
from pathlib import Path

from tailrace.core.errors import ConfigurationError
from tailrace.settings.loading import load_people
from tailrace.settings.principals import People

_log = logging.getLogger("tailrace.settings")

LOOK_SECONDS = 1.0

State = tuple[int, int, int] | None


async def follow_people(path: Path, take: Callable[[People], None]) -> None:
    """Look at the file until cancelled; what is wrong is told, and the last good version stays in force.

    Args:
        path: the settings file.
        take: goes by a new version; raises ConfigurationError where it can't.
    """
    # What was read at the start may be older than the first look.
    seen: State = None
    before: State = None
    while True:
        state = await asyncio.to_thread(_state, path)
        # While it is being written, what is there may read well and have half the people.
        if state is not None and state == before and state != seen:
            seen = state
            await _read(path, state, take)
        before = state
        await asyncio.sleep(LOOK_SECONDS)


async def _read(path: Path, state: State, take: Callable[[People], None]) -> None:
    try:
        people = await asyncio.to_thread(load_people, path)
        if await asyncio.to_thread(_state, path) != state:
            # Written meanwhile: the next looks see that.
            return
        take(people)
    except ConfigurationError as error:
        _log.error("Who may do what stays as it was: %s %s", error.detail, error.cause)
    else:
        _log.info("Principals and owners were read.", extra={"fields": {"file": str(path)}})


def _state(path: Path) -> State:
    """What differs once the file was written or replaced; None while it is not there."""
    try:
        found = path.stat()
    except OSError:
        return None
    return found.st_ino, found.st_size, found.st_mtime_ns
