"""A stop from outside: streams are sent elsewhere, nobody keeps the others waiting, nothing is lost."""

import asyncio
import contextlib
from dataclasses import replace

import pytest
from starlette.routing import Route
from tests import live_gateway as composed
from tests.transports.wire import SECONDS, live_gateway

from tailrace.memory import MemoryLog
from tailrace.settings import Deadlines, Settings

LIVEZ = b"GET /livez HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n"


@pytest.fixture
async def live():
    base = Settings()
    async with live_gateway(replace(base, limits=replace(base.limits, send_buffer=16_384))) as live:
        live.log.create("t")
        yield live


async def stalled(live):
    """A reader that reads nothing, and has bytes waiting for it."""
    wire = await live.get("/v1/stream?topic=t", receive_buffer=4096)
    wire.writer.transport.pause_reading()
    (stream,) = live.hub.streams
    async with asyncio.timeout(SECONDS):
        while not stream._sink.blocked:
            live.log.append("t", *[b'"%01000d"' % 1] * 200)
            await asyncio.sleep(0.01)
    return wire


async def test_a_goodbye_ends_its_connection_whoever_else_is_stalled(live):
    """An EventSource that came back over it would get 503, and never come again."""
    await stalled(live)
    stream = await live.read("sse", "topic=t")
    live.server.ask_to_stop()
    await stream.end()
    stream.wire.send(LIVEZ)
    async with asyncio.timeout(1):
        assert await stream.wire.closed() == b""
    assert stream.kinds[-1] == "end"


async def test_nobody_is_let_in_once_a_stop_has_begun(live):
    """What is refused before it is a request comes again by itself; a 503 would not."""
    idle = await live.connect()
    idle.send(LIVEZ)
    await (await idle.head()).rest()
    live.server.ask_to_stop()
    assert await idle.closed() == b""
    late = await live.connect()
    late.send(LIVEZ)
    assert await late.closed() == b""


async def test_who_does_not_read_the_goodbye_is_not_waited_for(live):
    """Two seconds, not the whole deadline."""
    await stalled(live)
    live.server.ask_to_stop()
    async with asyncio.timeout(5):
        while live.server.connections:  # noqa: ASYNC110 - the server tells nobody
            await asyncio.sleep(0.05)


@pytest.mark.parametrize("rounds", range(8))
async def test_a_stop_while_a_stream_opens_is_a_goodbye(live, rounds):
    """Whatever it has done by then: an EventSource is sent elsewhere, and nothing of it stays."""
    wire = await live.connect()
    wire.send(b"GET /v1/stream?topic=t HTTP/1.1\r\nHost: 127.0.0.1\r\nAccept: text/event-stream\r\n\r\n")
    async with asyncio.timeout(SECONDS):
        while not live.server.server_state.tasks:  # noqa: ASYNC110 - the server tells nobody
            await asyncio.sleep(0)
    for _ in range(rounds):
        await asyncio.sleep(0)
    live.server.ask_to_stop()
    assert (await wire.head()).status == 200
    assert b"event: bye" in await wire.rest()
    assert await wire.closed() == b""
    assert not live.hub.streams


@pytest.mark.parametrize("body", [b"", b'{"value":'])
async def test_a_body_that_is_still_to_come_is_not_waited_for(live, body):
    """Nothing of it was stored, and the client is told so; what it would store comes again elsewhere."""
    wire = await live.connect()
    head = b"POST /v1/topics/t/records HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Type: application/json\r\n"
    wire.send(head + b"Content-Length: 1000\r\n\r\n" + body)
    async with asyncio.timeout(SECONDS):
        while not live.server.server_state.tasks:  # noqa: ASYNC110 - the server tells nobody
            await asyncio.sleep(0.01)
    live.server.ask_to_stop()
    async with asyncio.timeout(2):
        assert (await wire.head()).status == 503
        assert b'"stopping"' in await wire.rest()
        assert await wire.closed() == b""


async def test_what_is_still_going_on_at_the_end_of_the_stop_is_cut_without_a_trace(caplog):
    """Nobody knows what it did, so there is no answer to it; and nothing is wrong with us."""
    begun = asyncio.Event()

    async def endless(_request):
        begun.set()
        await asyncio.Event().wait()

    ports = composed.memory_ports(MemoryLog())
    settings = Settings(deadlines=Deadlines(stop=0.4))
    more = [Route("/endless", endless)]
    async with composed.live_gateway(ports, settings, more=more) as live:
        reader, writer = await asyncio.open_connection("127.0.0.1", live.port)
        writer.write(b"GET /endless HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n")
        await asyncio.wait_for(begun.wait(), SECONDS)
    with contextlib.suppress(ConnectionError):
        assert await asyncio.wait_for(reader.read(), SECONDS) == b""
    writer.close()
    assert not [record for record in caplog.records if record.exc_info]
