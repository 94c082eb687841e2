"""Whether whoever reads what this process prints is gone."""

import select

_STANDARD = {1: "standard output", 2: "standard error"}


def closed_stream(error: BaseException) -> str | None:
    """Which of our own streams nobody reads any more, where that is what a program has failed on."""
    if not isinstance(error, BrokenPipeError):
        return None
    # The same error comes from a program's own sockets, so the streams are asked.
    return next((name for number, name in _STANDARD.items() if _unread(number)), None)


def _unread(number: int) -> bool:
    poll = select.poll()
    poll.register(number, 0)
    return any(event & (select.POLLERR | select.POLLHUP) for _, event in poll.poll(0))
