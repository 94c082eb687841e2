"""Socket.IO's own clients of versions 3 and 4, and the page's build."""

import asyncio
import filecmp
import json
import subprocess
from pathlib import Path

import pytest
from tests.browser.conftest import PAGE_SOURCE
from tests.live_gateway import live_gateway, memory_ports

from tailrace.transports import pages

pytestmark = pytest.mark.node

CLIENTS = Path(__file__).with_name("clients.cjs")
SECOND = "zweite Grüße 🙂"
EXPECTED = [
    ["logs", "Connection established"],
    ["logs", "Added first to topic"],
    ["kafkaproducer", "first"],
    ["kafkaconsumer1", ""],
    ["kafkaconsumer", "first"],
    ["logs", f"Added {SECOND} to topic"],
    ["kafkaproducer", SECOND],
    ["kafkaconsumer1", ""],
    ["kafkaconsumer", "first"],
    ["kafkaconsumer", SECOND],
    ["kafkaconsumer1", ""],
    ["kafkaconsumer", "first"],
    ["kafkaconsumer", SECOND],
    ["logs", "Error: kafkaproducer takes a text."],
]


@pytest.mark.parametrize("library", ["socket.io-client", "socket.io-client-3"])
@pytest.mark.parametrize("transports", ["polling", "websocket", "polling,websocket"])
async def test_clients_get_every_event_in_its_order(node, log, library, transports):
    """Whatever the version and the transport, upgrade included, the events are the same."""
    async with live_gateway(memory_ports(log)) as live:
        client = await asyncio.create_subprocess_exec(
            node, str(CLIENTS), library, live.url, transports, stdout=asyncio.subprocess.PIPE
        )
        async with asyncio.timeout(30):
            out, _ = await client.communicate()
    events = [json.loads(line) for line in out.splitlines()]
    assert [[name, carried["data"]] for name, carried in events] == EXPECTED


def test_the_page_that_is_served_is_what_its_source_builds(node, tmp_path):
    """The committed files are those that `npm run build` makes, and its types are right."""
    subprocess.run([node, "node_modules/typescript/bin/tsc", "--noEmit"], cwd=PAGE_SOURCE, check=True)
    subprocess.run([node, "build.mjs", str(tmp_path)], cwd=PAGE_SOURCE, check=True)
    served = Path(pages.__file__).with_name("page")
    names = sorted(file.name for file in served.iterdir())
    assert names == sorted(file.name for file in tmp_path.iterdir())
    assert filecmp.cmpfiles(served, tmp_path, names, shallow=False)[0] == names
