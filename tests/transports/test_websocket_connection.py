"""What a WebSocket may cost: its client is read as fast as it reads, and cut when it reads nothing."""

import asyncio
import base64
import os
import re
from dataclasses import replace

import pytest
from tests.live_gateway import live_gateway, memory_ports

from tailrace.memory import MemoryLog
from tailrace.settings import Settings
from tailrace.transports.websocket import WebSocket

PATH = b"/socket.io/?EIO=4&transport=websocket"
PINGS = (b"\x89\xfd\0\0\0\0" + b"p" * 125) * 1000


@pytest.fixture
async def live():
    log, base = MemoryLog(), Settings()
    log.create("demo", 1)
    limits = replace(base.limits, send_buffer=16_384)
    deadlines = replace(base.deadlines, stalled_write=1.0)
    async with live_gateway(memory_ports(log), replace(base, limits=limits, deadlines=deadlines)) as live:
        yield live


async def upgraded(live):
    """A WebSocket whose frames are made by hand."""
    reader, writer = await asyncio.open_connection("127.0.0.1", live.port, limit=4096)
    writer.write(
        b"GET " + PATH + b" HTTP/1.1\r\nHost: 127.0.0.1\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n"
        b"Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: " + base64.b64encode(os.urandom(16)) + b"\r\n\r\n"
    )
    async with asyncio.timeout(5):
        assert (await reader.readuntil(b"\r\n\r\n")).startswith(b"HTTP/1.1 101")
    return reader, writer


async def test_pings_whose_answers_are_not_read_are_not_read_either(live):
    """They wait in the network, the answers stay few, and the deadline for writes holds."""
    _, writer = await upgraded(live)
    writer.transport.pause_reading()
    for _ in range(200):
        writer.write(PINGS)
    most = 0
    (socket,) = [c for c in live.server.server_state.connections if isinstance(c, WebSocket)]
    async with asyncio.timeout(10):
        while socket in live.server.server_state.connections:
            most = max(most, socket.transport.get_write_buffer_size())
            await asyncio.sleep(0.01)
    assert 0 < most < 1_000_000
    assert live.server.slow_peers == 1
    writer.transport.abort()


async def test_pings_are_answered_as_they_are_read(live):
    """Nothing of them is lost, however often reading had to wait."""
    reader, writer = await upgraded(live)
    for _ in range(20):
        writer.write(PINGS)
    pongs = b""
    async with asyncio.timeout(10):
        while pongs.count(b"p" * 125) < 20_000:
            pongs += await reader.read(1 << 20)
    writer.transport.abort()


async def test_bytes_that_are_no_text_close_it_without_a_trace(live, caplog):
    """As the standard says, with 1007; it is a client's error."""
    reader, writer = await upgraded(live)
    writer.write(b"\x81\x82\0\0\0\0\xff\xfe")
    async with asyncio.timeout(5):
        assert b"\x88\x02" + (1007).to_bytes(2) in await reader.read()
    assert not [record for record in caplog.records if record.levelname == "ERROR"]
    writer.transport.abort()


async def test_an_upgrade_behind_a_request_is_refused_without_a_trace(live, caplog):
    """The answer to the first one comes first; the library has a 400 for whoever upgrades nothing."""
    reader, writer = await asyncio.open_connection("127.0.0.1", live.port)
    upgrade = b" HTTP/1.1\r\nHost: 127.0.0.1\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n"
    writer.write(b"GET /livez HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\nGET " + PATH + upgrade)
    async with asyncio.timeout(5):
        said = await reader.read()
    assert re.findall(rb"HTTP/1.1 (\d+)", said) == [b"200", b"400"]
    assert not [record for record in caplog.records if record.levelname == "ERROR"]
    writer.close()
