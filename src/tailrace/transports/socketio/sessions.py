"""Sessions of Socket.IO: how many there are, from where, and which of them nobody uses.

A session outlives its requests, so one connection could open all that there may be.
"""

import asyncio
from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from tailrace.auth.sessions import COOKIE, session_in
from tailrace.core.errors import BadRequest, Overloaded
from tailrace.transports.budget import FIRST_BYTES, MessageBound

# A client connects to a namespace with its first message, right after the handshake.
UNUSED_SECONDS = 10.0
# What is kept of a handshake, together: a session lives for hours, and many live at a time.
IDENTITY_BYTES = 4 << 10

Headers = Mapping[bytes, bytes]


@dataclass(slots=True)
class _Session:
    address: str
    expiry: asyncio.TimerHandle
    most: int = FIRST_BYTES
    messages: MessageBound | None = None


class Sessions:
    """Counts sessions by the address that opened them, and ends those that are not used.

    Args:
        most: sessions at a time.
        most_of_one: sessions of one address at a time.
        largest: the bytes that a message may have, once it is known who sends it.
        end: ends a session.
    """

    def __init__(self, most: int, most_of_one: int, largest: int, end: Callable[[str], object]) -> None:
        self._most = most
        self._most_of_one = most_of_one
        self._largest = largest
        self._end = end
        self._open: dict[str, _Session] = {}
        self._by_address: Counter[str] = Counter()

    def check(self, address: str) -> None:
        """Let an address open one more.

        Raises:
            Overloaded: there are too many, of all or of this one.
        """
        if len(self._open) >= self._most:
            raise Overloaded("Too many clients are connected.")
        if self._by_address[address] >= self._most_of_one:
            raise Overloaded(
                "Too many clients of this address are connected.",
                hint="socketio.sessions_per_client is the bound.",
            )

    def opened(self, session: str, address: str) -> None:
        """A session was opened; it has to be used soon."""
        expiry = asyncio.get_running_loop().call_later(UNUSED_SECONDS, self._end, session)
        self._open[session] = _Session(address, expiry)
        self._by_address[address] += 1

    def used(self, session: str) -> None:
        """A message came over it."""
        if session in self._open:
            self._open[session].expiry.cancel()

    def attach(self, session: str, messages: MessageBound | None) -> None:
        """Its messages come over a WebSocket now."""
        if messages is not None and session in self._open:
            self._open[session].messages = messages
            messages.most = self._open[session].most

    def trust(self, session: str) -> None:
        """Whoever it is may store records, so its messages may be as large as these."""
        if session in self._open:
            self._open[session].most = self._largest
            self.attach(session, self._open[session].messages)

    def largest(self, session: str | None) -> int:
        """The bytes that its next message may have."""
        return self._open[session].most if session in self._open else FIRST_BYTES

    def closed(self, session: str) -> None:
        """It is over."""
        gone = self._open.pop(session, None)
        if gone is None:
            return
        gone.expiry.cancel()
        self._by_address[gone.address] -= 1
        if not self._by_address[gone.address]:
            del self._by_address[gone.address]


def identity_headers(headers: Headers) -> Headers:
    """Those of a handshake that tell who it is.

    Raises:
        BadRequest: they are too large to be kept.
    """
    kept = {name: headers[name] for name in (b"authorization", b"origin", b"host") if name in headers}
    session = session_in(headers.get(b"cookie", b"").decode("latin-1"))
    if session:
        kept[b"cookie"] = f"{COOKIE}={session}".encode("latin-1")
    if sum(map(len, kept.values())) > IDENTITY_BYTES:
        raise BadRequest(f"Headers that tell who it is have at most {IDENTITY_BYTES} bytes here.")
    return kept
