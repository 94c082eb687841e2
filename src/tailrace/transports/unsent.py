"""What waits to be sent to a client, and how long none of it has left."""

import asyncio


class Unsent:
    """Watches one connection's buffer; what is added to it is no sign that the client reads."""

    __slots__ = ("_nbytes", "_since", "drained")

    def __init__(self) -> None:
        self._nbytes = 0
        self._since = 0.0
        # Whether the transport has said so since the last look, whatever was written behind it.
        self.drained = False

    def stalled_seconds(self, transport: asyncio.WriteTransport, now: float) -> float:
        """For how long there has been something to send of which nothing left, as far as looks tell."""
        nbytes = transport.get_write_buffer_size()
        if not self._nbytes or nbytes < self._nbytes or self.drained:
            self._since = now
        self._nbytes = nbytes
        self.drained = False
        return now - self._since
