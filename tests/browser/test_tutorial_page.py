"""The page of the tutorial, in a real browser."""

import threading
from dataclasses import replace
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer

import pytest
from tests.docs.pages import ROOT, blocks
from tests.live_gateway import live_gateway, memory_ports

from tailrace.settings import Settings

pytestmark = pytest.mark.browser


@pytest.fixture
def pages(tmp_path):
    """A server of files, as `python -m http.server` is; its port."""
    server = ThreadingHTTPServer(("127.0.0.1", 0), partial(SimpleHTTPRequestHandler, directory=tmp_path))
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    yield server.server_port
    server.shutdown()
    thread.join()
    server.server_close()


async def test_it_shows_what_it_sends(page, log, pages, tmp_path):
    """What is typed is stored, and comes back over the stream."""
    (text,) = (block.text for block in blocks(ROOT / "docs/tutorials/bridge.md") if block.language == "html")
    settings, origin = Settings(), f"http://localhost:{pages}"
    settings = replace(settings, server=replace(settings.server, origins=(origin,)))
    async with live_gateway(memory_ports(log), settings) as live:
        (tmp_path / "page.html").write_text(text.replace("http://127.0.0.1:8484", live.url))
        await page.goto(f"{origin}/page.html")
        await page.fill("input", "typed here")
        await page.click("button")
        await page.wait_for_selector("li:text-is('typed here')")
        await page.close()
