"""One request and its response over one connection of its own, both directions at once.

A gateway answers a stream while it reads it. Whoever only writes and then reads fills both sides'
buffers, and both wait for ever: so each turn here reads what came and writes what fits.
"""

import base64
import select
import socket
import ssl
import time
from dataclasses import dataclass, replace
from urllib.parse import urlsplit

from tailrace.client.problems import raise_problem
from tailrace.client.responses import Head, ResponseReader
from tailrace.core.errors import ConfigurationError, Unavailable

CONNECT_SECONDS = 10.0
# For an answer, and for written bytes to move on; the gateway's own longest deadline is 30 s.
ANSWER_SECONDS = 40.0
# Bytes that may wait to be written.
OUT_BYTES = 1 << 20
READ_BYTES = 1 << 18


@dataclass(frozen=True, slots=True)
class Address:
    """Where a gateway is, and who asks."""

    secure: bool
    host: str
    port: int
    path: str
    token: str | None = None
    # Shown beside the token where one logs in by name.
    user: str = ""

    @classmethod
    def parse(cls, url: str, token: str | None) -> "Address":
        """Read `http://host:port/path`; the path is where a proxy mounts the gateway."""
        text = url if "://" in url else f"http://{url}"
        try:
            parts = urlsplit(text)
            port = parts.port
        except ValueError:
            parts, port = urlsplit(""), None
        if parts.scheme not in {"http", "https"} or not parts.hostname or parts.query or parts.fragment:
            raise ConfigurationError(
                f"{url!r} is no address of a gateway.", hint="Write it as http://127.0.0.1:8484."
            )
        secure = parts.scheme == "https"
        return cls(secure, parts.hostname, port or (443 if secure else 80), parts.path.rstrip("/"), token)

    def as_(self, user: str, token: str) -> "Address":
        """The same, asked by somebody: by a token, or by a name and its password."""
        return replace(self, user=user, token=token)

    def authorization(self) -> str | None:
        """The header that shows who asks."""
        if not self.token or not self.user:
            return f"Bearer {self.token}" if self.token else None
        return f"Basic {base64.b64encode(f'{self.user}:{self.token}'.encode()).decode()}"

    def __str__(self) -> str:
        host = f"[{self.host}]" if ":" in self.host else self.host
        return f"http{'s' if self.secure else ''}://{host}:{self.port}{self.path}"

    def __repr__(self) -> str:
        return f"Address({self})"

    def connect(self) -> socket.socket:
        """A connection that does not block."""
        try:
            connection = socket.create_connection((self.host, self.port), CONNECT_SECONDS)
            connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            if self.secure:
                context = ssl.create_default_context()
                connection = context.wrap_socket(connection, server_hostname=self.host)
        except OSError as error:
            raise Unavailable(
                f"Cannot connect to {self}.",
                cause=error.strerror or str(error),
                hint="Check that the gateway runs there, or name another with --url.",
            ) from None
        connection.settimeout(0)
        return connection


class Exchange:
    """A request being written and its response being read."""

    def __init__(self, address: Address, method: str, target: str, headers: dict[str, str]) -> None:
        self._address = address
        self._connection = address.connect()
        self._response = ResponseReader()
        self._out = bytearray(self._request(method, target, headers))
        self._moved = time.monotonic()

    def _request(self, method: str, target: str, headers: dict[str, str]) -> bytes:
        host = f"[{self._address.host}]" if ":" in self._address.host else self._address.host
        lines = [f"{method} {self._address.path}{target} HTTP/1.1", f"Host: {host}:{self._address.port}"]
        lines += ["Connection: close", "User-Agent: tailrace"]
        if shown := self._address.authorization():
            lines.append(f"Authorization: {shown}")
        lines += [f"{name}: {value}" for name, value in headers.items()]
        text = "\r\n".join(lines)
        if not text.isascii() or "\0" in text or any("\n" in line or "\r" in line for line in lines):
            raise ConfigurationError("The token or the address has characters that HTTP does not take.")
        return (text + "\r\n\r\n").encode("ascii")

    @property
    def ended(self) -> bool:
        """Whether the response is read to its end."""
        return self._response.ended

    @property
    def head(self) -> Head | None:
        """The response's head, if it came."""
        return self._response.head

    def write(self, data: bytes) -> None:
        """Take bytes to write; waits, reading answers meanwhile, while too many wait already."""
        self._out += data
        self._turn(0.0)
        while len(self._out) > OUT_BYTES and not self.ended:
            self._turn(1.0)
            self._check_stuck("take")

    def write_chunk(self, data: bytes) -> None:
        """The same as one chunk of a body of unknown length; an empty one ends the body."""
        self.write(b"%x\r\n%b\r\n" % (len(data), data))

    def wait_head(self) -> Head:
        """The response's head; an error status is raised as what it says."""
        self._moved = time.monotonic()
        while (head := self._response.head) is None:
            self._turn(1.0)
            self._check_stuck("answer")
        if head.status >= 400:
            raise_problem(head, self.read_all(), str(self._address))
        return head

    def read(self, seconds: float) -> bytes:
        """Some of the body, b"" when nothing came for so long or it has ended."""
        deadline = time.monotonic() + seconds
        while not (data := self._response.taken()) and not self.ended:
            left = deadline - time.monotonic()
            if left < 0:
                return b""
            self._turn(left)
        return data

    def read_all(self) -> bytes:
        """The whole rest of the body."""
        pieces = []
        self._moved = time.monotonic()
        while not self.ended:
            if data := self.read(1.0):
                pieces.append(data)
            self._check_stuck("answer")
        return b"".join([*pieces, self._response.taken()])

    def close(self) -> None:
        """End the connection."""
        self._connection.close()

    def _turn(self, seconds: float) -> None:
        """Read what came and write what fits; wait so long if neither is possible."""
        pending = isinstance(self._connection, ssl.SSLSocket) and self._connection.pending() > 0
        writers = [self._connection] if self._out else []
        readable, writable, _ = select.select([self._connection], writers, [], 0 if pending else seconds)
        try:
            if readable or pending:
                self._receive()
            if writable and not self.ended:
                sent = self._connection.send(self._out)
                del self._out[:sent]
                self._moved = time.monotonic()
        except (BlockingIOError, ssl.SSLWantReadError, ssl.SSLWantWriteError):
            return
        except OSError as error:
            # What the gateway said before it closed may still be on its way.
            self._receive_last_words()
            if not self.ended and self._response.head is None:
                raise self._broken(error.strerror or str(error)) from None

    def _receive(self) -> None:
        data = self._connection.recv(READ_BYTES)
        self._moved = time.monotonic()
        if data:
            self._response.feed(data)
        else:
            self._response.closed()

    def _receive_last_words(self) -> None:
        try:
            while not self.ended and (data := self._connection.recv(READ_BYTES)):
                self._response.feed(data)
        except OSError:
            pass  # it said nothing more
        if not self.ended:
            self._response.closed()

    def _check_stuck(self, what: str) -> None:
        if time.monotonic() - self._moved > ANSWER_SECONDS:
            raise self._broken(f"It did not {what} anything for {ANSWER_SECONDS:.0f} s.")

    def _broken(self, cause: str) -> Unavailable:
        return Unavailable(
            f"The connection to {self._address} broke.", cause=cause, hint="Try again when the gateway runs."
        )


def request(
    address: Address, method: str, target: str, body: bytes = b"", media: str = "application/json"
) -> bytes:
    """A whole request; answers the response's body."""
    headers = {"Accept": "application/json"}
    if body:
        headers |= {"Content-Type": media, "Content-Length": str(len(body))}
    exchange = Exchange(address, method, target, headers)
    try:
        exchange.write(body)
        exchange.wait_head()
        return exchange.read_all()
    finally:
        exchange.close()
