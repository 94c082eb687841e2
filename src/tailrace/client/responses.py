"""Reads an HTTP/1.1 response from bytes as they come."""

from dataclasses import dataclass, field

from tailrace.core.errors import Unavailable

LARGEST_HEAD = 64 << 10
_TRY_AGAIN = "Try again."
# Kafka, too, ends a connection on which it is spoken to in HTTP.
_PORT = "Check that this is the gateway's port (8484 by default), not Kafka's."
_BODILESS = frozenset({204, 304})


@dataclass(slots=True)
class Head:
    """Status and headers; names in lower case."""

    status: int
    headers: dict[str, str] = field(default_factory=dict)


class ResponseReader:
    """Fed with bytes; gives the head, then the body's bytes, then `ended`."""

    def __init__(self) -> None:
        self.head: Head | None = None
        self.ended = False
        self._buffer = bytearray()
        self._body: list[bytes] = []
        self._left: int | None = None
        self._chunked = False
        self._in_chunk_tail = False

    def feed(self, data: bytes) -> None:
        """The next bytes of the connection.

        Raises:
            Unavailable: it is no HTTP.
        """
        self._buffer += data
        if self.head is None and not self._read_head():
            return
        self._read_body()

    def closed(self) -> None:
        """The connection ended; that is the body's end only where nothing else tells it.

        Raises:
            Unavailable: it ended too early.
        """
        if self.ended:
            return
        if self.head is None or self._chunked or self._left is not None:
            raise Unavailable(
                "The gateway broke off the connection.", hint=_TRY_AGAIN if self.head else _PORT
            )
        self.ended = True

    def taken(self) -> bytes:
        """The body's bytes since the last call."""
        body, self._body = self._body, []
        return body[0] if len(body) == 1 else b"".join(body)

    def _read_head(self) -> bool:
        end = self._buffer.find(b"\r\n\r\n")
        if end < 0:
            if len(self._buffer) > LARGEST_HEAD:
                raise _no_http()
            return False
        first, *lines = bytes(self._buffer[:end]).decode("latin-1").split("\r\n")
        del self._buffer[: end + 4]
        version, _, rest = first.partition(" ")
        if not version.startswith("HTTP/1.") or not rest[:3].isdecimal():
            raise _no_http()
        head = Head(int(rest[:3]))
        if head.status < 200:
            return self._read_head()
        for line in lines:
            name, _, value = line.partition(":")
            head.headers[name.strip().lower()] = value.strip()
        self.head = head
        self._begin_body(head)
        return True

    def _begin_body(self, head: Head) -> None:
        self._chunked = head.headers.get("transfer-encoding", "").lower().endswith("chunked")
        length = head.headers.get("content-length", "")
        if head.status in _BODILESS:
            self._left, self.ended = 0, True
        elif self._chunked:
            self._left = 0
        elif length.isdecimal():
            self._left = int(length)
            self.ended = self._left == 0

    def _read_body(self) -> None:
        if self._chunked:
            while not self.ended and self._read_chunk():
                pass
        elif not self.ended:
            self._take(len(self._buffer) if self._left is None else self._left)
            self.ended = self._left == 0

    def _read_chunk(self) -> bool:
        """A step through a chunked body; False where more bytes are needed."""
        if self._left:
            self._take(self._left)
            self._in_chunk_tail = self._left == 0
            return not self._left
        line = self._buffer.find(b"\r\n")
        if line < 0:
            if len(self._buffer) > LARGEST_HEAD:
                raise _no_http()
            return False
        text = bytes(self._buffer[:line])
        del self._buffer[: line + 2]
        if self._in_chunk_tail:
            self._in_chunk_tail = False
            return True
        try:
            self._left = int(text.partition(b";")[0], 16)
        except ValueError:
            raise _no_http() from None
        self.ended = self._left == 0
        return True

    def _take(self, most: int) -> None:
        piece = bytes(self._buffer[:most])
        del self._buffer[:most]
        if piece:
            self._body.append(piece)
        if self._left is not None:
            self._left -= len(piece)


def _no_http() -> Unavailable:
    return Unavailable("What answers there speaks no HTTP.", hint=_PORT)
