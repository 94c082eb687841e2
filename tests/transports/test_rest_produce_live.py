"""Produce streams over a real connection: what is told while they go on, and how they end."""

import asyncio
import contextlib
import dataclasses
import json

import pytest

from tailrace.memory import MemoryReader, MemoryWriter
from tailrace.settings import Deadlines
from tailrace.transports.app import make_app
from tailrace.transports.rest import HANDLERS
from tailrace.transports.server import Server, listen

HEAD = (
    b"POST /v1/topics/orders/records%b HTTP/1.1\r\nhost: gateway\r\nauthorization: Bearer tr_root\r\n"
    b"content-type: application/x-ndjson\r\ntransfer-encoding: chunked\r\n\r\n"
)


def chunk(data):
    return b"%x\r\n%b\r\n" % (len(data), data)


class Connected:
    """A client that writes chunks and reads lines of answers."""

    def __init__(self, reader, writer):
        self.reader, self.writer = reader, writer

    async def head(self, query=b""):
        self.writer.write(HEAD % query)
        return await asyncio.wait_for(self.reader.readuntil(b"\r\n\r\n"), 5)

    def send(self, data):
        self.writer.write(chunk(data))

    async def line(self):
        while True:
            line = await asyncio.wait_for(self.reader.readline(), 5)
            if line.startswith(b"{"):
                return json.loads(line)
            assert line, "the connection ended"


@pytest.fixture
async def connect(gateway):
    server_settings = dataclasses.replace(
        gateway.settings, server=dataclasses.replace(gateway.settings.server, port=0)
    )
    listener = listen(server_settings)
    server = Server(make_app(gateway, HANDLERS), server_settings, gateway.stop)
    ready = asyncio.Event()
    serving = asyncio.create_task(server.run_until_stopped(listener, ready.set))
    await asyncio.wait_for(ready.wait(), 5)
    async with contextlib.AsyncExitStack() as stack:

        async def connect():
            reader, writer = await asyncio.open_connection(*listener.getsockname())
            stack.callback(writer.close)
            return Connected(reader, writer)

        yield connect
    server.ask_to_stop()
    await asyncio.wait_for(serving, 10)


async def test_a_stream_is_answered_while_it_goes_on(connect, log):
    """The head at once, an error as soon as it is known, progress within two seconds."""
    client = await connect()
    assert b" 200 " in await client.head()
    client.send(b'{"value":1,"partition":0}\n{"bad"\n')
    assert (await client.line())["line"] == 2
    assert (await client.line())["acked"] == 2
    client.send(b'{"value":2,"partition":0}\n')
    assert (await client.line())["cursor"].endswith(":0@2,1@0")


async def test_a_client_that_leaves_keeps_what_was_whole(connect, log):
    """The line that was cut is not stored."""
    client = await connect()
    await client.head(b"?answers=all")
    client.send(b'{"value":1}\n{"value":')
    await client.line()
    client.writer.transport.abort()
    again = await connect()
    await again.head(b"?answers=all")
    again.send(b'{"value":3}\n')
    await again.line()
    assert sorted(r.value for p in log.topic("orders").partitions for r in p.records) == [b"1", b"3"]


async def test_a_stop_ends_a_stream_with_what_was_decided(connect, gateway):
    """The client knows where to go on."""
    client = await connect()
    await client.head(b"?answers=all")
    client.send(b'{"value":1}\n')
    await client.line()
    gateway.stop()
    last = await client.line()
    assert (last["error"]["code"], last["acked"]) == ("stopping", 1)


async def test_a_stop_under_back_pressure_tells_what_was_taken(connect, gateway, log):
    """Of a block that the writer took in part: what is stored is acknowledged, or it would be sent twice."""
    told = []
    gateway.writer = MemoryWriter(log, told.append, capacity=3)
    client = await connect()
    await client.head()
    client.send(b'{"value":1}\n{"value":2}\nnonsense\n{"value":3}\n' + b'{"value":4}\nnonsense\n' * 2)
    async with asyncio.timeout(5):
        while not told:  # noqa: ASYNC110 - the writer waits for nobody
            await asyncio.sleep(0.01)
    gateway.stop()
    told.pop()()
    said = [await client.line() for _ in range(3)]
    assert [line.get("line") for line in said] == [3, None, None]
    assert [line["acked"] for line in said[1:]] == [4, 4]


async def test_a_stop_while_the_broker_is_asked_ends_the_stream(connect, gateway, log):
    """It is told like those that were there before."""

    class Stopped(MemoryReader):
        async def latest(self, topic):
            gateway.stop()
            return await super().latest(topic)

    gateway.reader = Stopped(log)
    client = await connect()
    await client.head()
    assert (await client.line())["error"]["code"] == "stopping"


async def test_a_line_that_is_not_completed_ends_the_stream(connect, gateway):
    """A dribbling client does not hold its connection for ever."""
    gateway.settings = dataclasses.replace(gateway.settings, deadlines=Deadlines(line=0.2, between_lines=5))
    client = await connect()
    await client.head()
    client.send(b'{"val')
    assert (await client.line())["error"]["code"] == "request_timeout"


async def test_silence_ends_the_stream(connect, gateway):
    """Later than a line that was begun."""
    gateway.settings = dataclasses.replace(gateway.settings, deadlines=Deadlines(line=5, between_lines=0.2))
    client = await connect()
    await client.head()
    assert (await client.line())["error"]["code"] == "request_timeout"


async def test_a_client_that_never_reads_is_not_buffered_without_end(connect, gateway, log):
    """Reading stops when its answers fill their bound."""
    client = await connect()
    await client.head(b"?answers=all")
    block = chunk(b'{"value":1,"partition":0}\n' * 500)

    async def write():
        while True:
            client.writer.write(block)
            await client.writer.drain()

    writing = asyncio.create_task(write())
    partition = log.topic("orders").partitions[0]
    stored = -1
    while stored != partition.end:
        stored = partition.end
        await asyncio.sleep(0.3)  # that no more is stored can only be seen by waiting
    writing.cancel()
    assert 0 < stored < 1_000_000


async def test_a_refused_body_closes_the_connection(connect):
    """What follows is not taken for a request."""
    client = await connect()
    client.writer.write(
        b"POST /v1/topics/orders/records HTTP/1.1\r\nhost: gateway\r\nauthorization: Bearer tr_root\r\n"
        b"content-type: text/plain\r\ncontent-length: 99999999\r\n\r\n"
    )
    head = await asyncio.wait_for(client.reader.readuntil(b"\r\n\r\n"), 5)
    assert b" 413 " in head
    assert b"connection: close" in head.lower()
    await asyncio.wait_for(client.reader.read(), 5)
    assert client.reader.at_eof()
