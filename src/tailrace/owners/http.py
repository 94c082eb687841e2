"""Owners from a service of the host's own."""

import http.client
import socket
import threading
from collections.abc import Collection, Iterator
from contextlib import closing, contextmanager, suppress
from functools import partial
from time import monotonic
from urllib.parse import quote, urlsplit

import msgspec

from tailrace.core.errors import ConfigurationError, Unavailable
from tailrace.owners.asking import Asking

ID = "{id}"
ANSWER_BYTES = 64 << 10


class _Answer(msgspec.Struct):
    owner: str | None = None
    owners: list[str] = []


class HttpOwners:
    """Asks a service whose a resource is: 200 with `owner` or `owners`, 404 for nobody.

    Args:
        url: its address, with `{id}` for the resource.
        token: what to show; none if empty.
        seconds: for an answer.

    Raises:
        ConfigurationError: the address is none, or does not say where the id goes.
    """

    def __init__(self, url: str, token: str, seconds: float) -> None:
        parts = urlsplit(url)
        if parts.scheme not in {"http", "https"} or not parts.hostname or ID not in url:
            raise ConfigurationError(
                "ownership.http_url is no address with {id} in it.",
                hint="It reads https://platform.example/tasks/{id}/owner.",
            )
        self._secure = parts.scheme == "https"
        self._place = (parts.hostname, parts.port)
        self._path = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
        self._headers = {
            "Accept": "application/json",
            **({"Authorization": f"Bearer {token}"} if token else {}),
        }
        self._seconds = seconds
        self._asking = Asking(seconds)

    async def of(self, resource: str) -> Collection[str]:
        """The names of its owners."""
        return await self._asking.ask(partial(self._ask, resource))

    def _ask(self, resource: str) -> Collection[str]:
        kind = http.client.HTTPSConnection if self._secure else http.client.HTTPConnection
        until = monotonic() + self._seconds
        with closing(kind(*self._place, timeout=self._seconds)) as connection:
            connection.connect()
            with _hung_up_at(until, connection.sock):
                # Not followed elsewhere: the token is for this service alone.
                path = self._path.replace(ID, quote(resource, safe=""))
                connection.request("GET", path, headers=self._headers)
                response = connection.getresponse()
                body = response.read(ANSWER_BYTES + 1)
        if response.status == 404:
            return ()
        if response.status != 200 or len(body) > ANSWER_BYTES:
            raise Unavailable(
                "Who owns the task could not be found out.", cause=f"The service answered {response.status}."
            )
        answer = msgspec.json.decode(body, type=_Answer)
        return tuple(answer.owners if answer.owner is None else [answer.owner, *answer.owners])


@contextmanager
def _hung_up_at(until: float, connection: socket.socket) -> Iterator[None]:
    """A socket's timeout counts anew with each byte: who drips would be heard for ever."""
    hanging_up = threading.Timer(until - monotonic(), _hang_up, (connection,))
    hanging_up.daemon = True
    hanging_up.start()
    try:
        yield
    finally:
        hanging_up.cancel()
        if monotonic() >= until:
            raise TimeoutError("The service took too long.")


def _hang_up(connection: socket.socket) -> None:
    """Let its reader see the end; a TLS layer above it is left alone, since the reader is in it."""
    with suppress(OSError):
        socket.socket.shutdown(connection, socket.SHUT_RDWR)
