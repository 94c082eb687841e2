"""What clients of GET /api/v1/logs that do not read may cost."""

import contextlib
import gc
import json
import socket

import pytest
from tests.transports.tasklogs.conftest import NDJSON, ask, lines, log, until
from tests.transports.wire import live_gateway

from tailrace.memory import MemoryLog
from tailrace.transports.tasklogs import handler
from tailrace.transports.tasklogs.file import LONGEST_LINE, Read

SHOWN = "Authorization: Basic tr_ann"
PATH = "/api/v1/logs?method=kafka&id=job"
LINE = "\1" * LONGEST_LINE


@contextlib.asynccontextmanager
async def stalled(live):
    """A client that has got the beginning of the long line and reads no more."""
    with socket.socket() as client:
        client.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        client.connect(("127.0.0.1", live.port))
        client.sendall(f"GET {PATH} HTTP/1.1\r\nHost: a\r\n{SHOWN}\r\n{NDJSON}\r\n\r\n".encode())
        client.setblocking(False)
        await until(lambda: b"u0001" in _seen(client))
        yield


def _seen(client):
    with contextlib.suppress(BlockingIOError):
        return client.recv(1 << 16, socket.MSG_PEEK)
    return b""


@pytest.fixture
async def narrow(settings, monkeypatch):
    """A gateway with room for one escaped line of 1 MiB, and a little."""
    monkeypatch.setattr(handler, "LONG_LINES_BYTES", 8 << 20)
    async with live_gateway(settings, MemoryLog()) as live:
        live.log.create("job")
        yield live


@pytest.mark.parametrize("source", ["file", "topic"])
async def test_long_lines_for_clients_that_do_not_read_have_a_bound(narrow, file, source):
    """Of all clients together: the next one is told so, and goes on from its cursor when there is room."""
    if source == "file":
        file.write_bytes(f"one\n{LINE}\ntwo\n".encode())
    else:
        narrow.log.append("job", log("one"), LINE.encode(), log("two"))
    async with stalled(narrow):
        refused = await ask(narrow, "", NDJSON)
        await refused.rest()
    error = json.loads(refused.body.splitlines()[-1])["error"]
    assert (error["code"], error["retry"]) == ("overloaded", "after")
    assert LINE not in lines(refused)
    await until(lambda: len(narrow.hub.streams) == 0)
    again = await ask(narrow, f"&from={error['cursor']}" if error["cursor"] else "", NDJSON)
    await again.rest()
    assert lines(refused) + lines(again) == ["one", LINE, "two"]
    assert json.loads(again.body.splitlines()[-1])["end"]["reason"] == "idle"


async def test_a_form_of_lines_says_so_in_one(narrow, file):
    """And its body ends."""
    file.write_bytes(f"one\n{LINE}\n".encode())
    async with stalled(narrow):
        wire = await ask(narrow)
        assert await wire.rest() == b"one\r\n[tailrace] Too many long lines of logs are on their way.\r\n"
    assert wire.whole


async def test_who_is_refused_leaves_no_line_to_the_collector(narrow, file):
    """It comes seldom: hundreds of such lines would wait for it."""
    file.write_bytes(f"{LINE}\n".encode())
    gc.collect()
    gc.disable()
    try:
        async with stalled(narrow):
            for _ in range(3):
                assert b"overloaded" in await (await ask(narrow, "", NDJSON)).rest()
            await until(lambda: len(narrow.hub.streams) == 1)
            assert sum(bool(held.lines) for held in gc.get_objects() if isinstance(held, Read)) == 1
    finally:
        gc.enable()
