"""Taking connections: all of a crowd, and again after there was no room for more."""

import asyncio
import errno
import socket

import pytest

from tailrace.transports import acceptor
from tailrace.transports.acceptor import ACCEPT_PER_ROUND, Acceptor


class Greeter(asyncio.Protocol):
    """Says hello to whoever comes."""

    def connection_made(self, transport):
        transport.write(b"hello")
        transport.close()


class FullListener(socket.socket):
    """A listening socket of a process that has no file descriptor left the first time."""

    full = True

    def accept(self):
        if self.full:
            self.full = False
            raise OSError(errno.EMFILE, "Too many open files")
        return super().accept()


async def hello(address):
    reader, writer = await asyncio.open_connection(*address)
    async with asyncio.timeout(5):
        data = await reader.read()
    writer.close()
    return data


@pytest.mark.parametrize("kind", [socket.socket, FullListener])
async def test_all_of_a_crowd_are_taken(kind, monkeypatch):
    """In some rounds more than one takes; a moment without a free descriptor takes nobody's place away."""
    monkeypatch.setattr(acceptor, "RETRY_SECONDS", 0.01)
    with kind() as listener:
        listener.bind(("127.0.0.1", 0))
        listener.listen()
        listener.setblocking(False)
        taking = Acceptor(listener, Greeter, lambda: True)
        crowd = [hello(listener.getsockname()) for _ in range(3 * ACCEPT_PER_ROUND)]
        assert await asyncio.gather(*crowd) == [b"hello"] * len(crowd)
        taking.close()
        await taking.wait_closed()


async def test_a_closed_acceptor_takes_nobody():
    """Whoever comes then waits for another one on the same socket, or for its end."""
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        listener.listen()
        listener.setblocking(False)
        taking = Acceptor(listener, Greeter, lambda: True)
        taking.close()
        coming = asyncio.create_task(hello(listener.getsockname()))
        with pytest.raises(TimeoutError):
            await asyncio.wait_for(asyncio.shield(coming), 0.05)
        again = Acceptor(listener, Greeter, lambda: True)
        assert await coming == b"hello"
        again.close()
