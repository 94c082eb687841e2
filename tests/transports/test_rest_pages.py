"""Pages of records that their clients do not read."""

import asyncio
import json

from tests.transports.wire import SECONDS, live_gateway

from tailrace.memory import MemoryLog
from tailrace.settings import Limits, Settings

PAGE = "/v1/topics/t/records?limit=1000"


def filled():
    log = MemoryLog()
    log.create("t", 1)
    log.append("t", *[b"x" * 10_000] * 400)
    return log


async def test_a_large_page_comes_whole():
    """In pieces, with its length told before."""
    async with live_gateway(log=filled()) as live:
        wire = await live.get(PAGE)
        body = await wire.rest()
        assert wire.headers["content-type"] == "application/json"
        assert wire.headers["x-content-type-options"] == "nosniff"
        assert len(json.loads(body)["records"]) == 400
        again = await live.get(PAGE, wire=wire)
        assert await again.rest() == body


async def test_a_head_has_no_body():
    """But the page's length."""
    async with live_gateway(log=filled()) as live:
        wire = await live.get(PAGE, method="HEAD")
        assert int(wire.headers["content-length"]) > 4_000_000
        await live.get("/livez", wire=wire)
        assert wire.status == 200


async def test_unread_pages_have_a_bound_together():
    """One more is told to come later; a page that was read or left makes room."""
    async with live_gateway(Settings(limits=Limits(pages=9 << 20)), filled()) as live:
        unread = [await live.get(PAGE, receive_buffer=4096) for _ in range(2)]
        refused = await live.get(PAGE)
        assert (refused.status, json.loads(await refused.rest())["code"]) == (503, "overloaded")
        assert (await live.get("/v1/topics/t/records?limit=1")).status == 200
        unread[0].close()
        await unread[1].rest()
        async with asyncio.timeout(SECONDS):
            while (await live.get(PAGE)).status != 200:
                pass


async def test_an_unread_page_does_not_hold_up_a_stop():
    """Its client can ask for the page again, elsewhere."""
    async with live_gateway(log=filled()) as live:
        wire = await live.get(PAGE, receive_buffer=4096)
        wire.writer.transport.pause_reading()
        live.server.ask_to_stop()
        async with asyncio.timeout(5):
            while live.server.connections:  # noqa: ASYNC110 - the server tells nobody
                await asyncio.sleep(0.05)
