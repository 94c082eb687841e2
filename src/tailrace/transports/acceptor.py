"""Taking connections: some in every round of the loop.

Measured: the loop's own server takes one connection a round. Where a round is full of other work, a thousand
clients that come back at once would wait for a thousand rounds.
"""

import asyncio
import logging
import socket
from collections.abc import Callable

_log = logging.getLogger("tailrace.server")

# More in one round would keep records from those that are connected already.
ACCEPT_PER_ROUND = 8
# Without a free file descriptor there is no connection to take: some may have closed by then.
RETRY_SECONDS = 1.0


class Acceptor:
    """Takes the connections of a listening socket.

    Args:
        listener: the socket; whoever made it closes it.
        make_protocol: makes what looks after one connection.
        has_room: whether one more may be kept; else it is closed unread.
    """

    def __init__(
        self,
        listener: socket.socket,
        make_protocol: Callable[[], asyncio.Protocol],
        has_room: Callable[[], bool],
    ) -> None:
        self._listener = listener
        self._make_protocol = make_protocol
        self._has_room = has_room
        self._loop = asyncio.get_running_loop()
        self._opening: set[asyncio.Task[None]] = set()
        self._closed = False
        self._listen()

    def close(self) -> None:
        """Take no more."""
        self._closed = True
        self._loop.remove_reader(self._listener)

    async def wait_closed(self) -> None:
        """Let the connections be opened that were taken."""
        await asyncio.gather(*self._opening)

    def _listen(self) -> None:
        if not self._closed:
            self._loop.add_reader(self._listener, self._accept)

    def _accept(self) -> None:
        for _ in range(ACCEPT_PER_ROUND):
            try:
                connection, _ = self._listener.accept()
            except (BlockingIOError, InterruptedError):
                return
            except ConnectionError:
                # It was gone before it was taken.
                continue
            except OSError as error:
                _log.warning("No connection can be taken.", extra={"fields": {"cause": error.strerror}})
                self._loop.remove_reader(self._listener)
                self._loop.call_later(RETRY_SECONDS, self._listen)
                return
            if not self._has_room():
                connection.close()
                continue
            opening = self._loop.create_task(self._open(connection))
            self._opening.add(opening)
            opening.add_done_callback(self._opening.discard)

    async def _open(self, connection: socket.socket) -> None:
        try:
            await self._loop.connect_accepted_socket(self._make_protocol, connection)
        except OSError:
            # The client is gone, and nobody is left to be told.
            connection.close()
