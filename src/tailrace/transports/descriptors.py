"""File descriptors: a connection is one, with its log's file two, and a process has only so many."""

import logging
import resource

_log = logging.getLogger("tailrace.server")

# For the log, Kafka's connections, and clients that are still to be told that there is no room.
RESERVED = 256


def connections_that_fit(wanted: int, each: int = 1) -> int:
    """How many connections of so many descriptors there is room for; raises what it may for it."""
    needed = wanted * each + RESERVED
    allowed = _raise_to(needed)
    if allowed >= needed:
        return wanted
    fit = max(1, (allowed - RESERVED) // each)
    _log.warning(
        "Fewer connections are taken than limits.connections says: the process may open too few files.",
        extra={"fields": {"connections": fit, "wanted": wanted, "open_files": allowed}},
    )
    return fit


def _raise_to(needed: int) -> int:
    """The limit in force; at least so many, where the one that can't be raised lets it."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if soft == resource.RLIM_INFINITY or soft >= needed:
        return needed
    wanted = needed if hard == resource.RLIM_INFINITY else min(needed, hard)
    try:
        resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, hard))
    except (OSError, ValueError):
        # A system may have a bound of its own below the one it tells.
        return soft
    return wanted
