"""A stream over HTTP that is opened again wherever it is cut, after pauses that grow."""

import time
from collections.abc import Callable, Iterator
from typing import Generic, TypeVar

from tailrace.client.exchange import Exchange
from tailrace.core.errors import Unavailable
from tailrace.core.scans import Waiting

# Three of the gateway's heartbeats: a connection that is silent for longer is dead.
SILENCE_SECONDS = 45.0
# How often something is handed out while nothing comes, so that an interrupt is seen.
TICK_SECONDS = 0.2
FIRST_PAUSE_SECONDS = 0.2
LONGEST_PAUSE_SECONDS = 5.0

Event = TypeVar("Event")


class Resumed(Generic[Event]):
    """Reads connection after connection; the first one is made when it is made.

    Args:
        open_: makes a connection that goes on where the last one was cut.
        read: what one connection brings, until all is done; raises Unavailable where it is cut.
        done: whether nothing more is to come.
        gives_up: whether an error is final, after so many seconds without a word.
    """

    def __init__(
        self,
        open_: Callable[[], Exchange],
        read: Callable[[Exchange], Iterator[Event]],
        *,
        done: Callable[[], bool],
        gives_up: Callable[[Unavailable, float], bool],
    ) -> None:
        self._open = open_
        self._read = read
        self._done = done
        self._gives_up = gives_up
        self._exchange: Exchange | None = open_()

    def events(self) -> Iterator[Event | Waiting | None]:
        """What comes; None some times a second when nothing does."""
        try:
            yield from self._connections()
        finally:
            self._close()

    def _connections(self) -> Iterator[Event | Waiting | None]:
        pause, reached = FIRST_PAUSE_SECONDS, time.monotonic()
        while not self._done():
            try:
                exchange = self._exchange = self._exchange or self._open()
                for event in self._read(exchange):
                    pause, reached = FIRST_PAUSE_SECONDS, time.monotonic()
                    yield event
            except Unavailable as error:
                if self._gives_up(error, time.monotonic() - reached):
                    raise
                yield Waiting(error.detail)
            self._close()
            if not self._done():
                yield from _ticks(pause)
                pause = min(pause * 2, LONGEST_PAUSE_SECONDS)

    def _close(self) -> None:
        if self._exchange:
            self._exchange.close()
        self._exchange = None


def _ticks(seconds: float) -> Iterator[None]:
    until = time.monotonic() + seconds
    while (left := until - time.monotonic()) > 0:
        time.sleep(min(TICK_SECONDS, left))
        yield None
