"""The proxy of compose.cluster.yaml, run on this machine before two real gateways."""

import asyncio
import contextlib
import shutil
import socket
from asyncio.subprocess import DEVNULL, create_subprocess_exec

import httpx
import pytest
from tests.live_gateway import TOKEN, live_gateway, memory_ports
from tests.transports.socketio_clients import Recorder

from tailrace.memory import MemoryLog

SECONDS = 20
CLIENTS = 12

pytestmark = pytest.mark.skipif(shutil.which("haproxy") is None, reason="Debian's haproxy is missing")


@pytest.fixture
def on_this_machine(root):
    """docker/haproxy.cfg with the addresses given in place of the containers'."""
    text = (root / "docker/haproxy.cfg").read_text()

    def change(port, gateways):
        changed = text.replace("bind :8484", f"bind 127.0.0.1:{port}")
        for number, gateway in enumerate(gateways, 1):
            changed = changed.replace(f"gateway-{number}:8484", f"127.0.0.1:{gateway.port}")
        return changed

    return change


@contextlib.asynccontextmanager
async def proxy(text, port, folder):
    """HAProxy with a configuration, ready when both its servers are."""
    config = folder / "haproxy.cfg"
    config.write_text(text)
    check = await create_subprocess_exec("haproxy", "-c", "-q", "-f", config)
    assert await check.wait() == 0
    process = await create_subprocess_exec("haproxy", "-db", "-f", config, stdout=DEVNULL)
    try:
        await asyncio.wait_for(answers(f"http://127.0.0.1:{port}/readyz", process), SECONDS)
        yield f"http://127.0.0.1:{port}"
    finally:
        if process.returncode is None:
            process.terminate()
        await asyncio.wait_for(process.wait(), SECONDS)


async def answers(url, process):
    """Wait until it answers there."""
    async with httpx.AsyncClient() as client:
        while process.returncode is None:
            with contextlib.suppress(httpx.TransportError):
                if (await client.get(url)).is_success:
                    return
            await asyncio.sleep(0.05)
        raise AssertionError("HAProxy ended")


@pytest.fixture
async def both(on_this_machine, tmp_path):
    """Two gateways on one log, and the address of the proxy before them."""
    log = MemoryLog()
    log.create("demo", 3)
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    async with live_gateway(memory_ports(log)) as one, live_gateway(memory_ports(log)) as two:
        async with proxy(on_this_machine(port, [one, two]), port, tmp_path) as url:
            yield url, [one, two]


def has_its_text(number):
    """Whether a client has heard that its own text is stored."""
    return lambda events: ("kafkaproducer", f"text {number}") in events


async def test_long_polling_stays_with_the_gateway_that_opened_it(both):
    """Clients without WebSockets and without cookies all get through, whichever gateway took them."""
    url, _ = both
    clients = [await Recorder().connect(url, transports=["polling"]) for _ in range(CLIENTS)]
    try:
        for number, client in enumerate(clients):
            await client.emit("kafkaproducer", f"text {number}")
        await asyncio.gather(*(client.until(has_its_text(n)) for n, client in enumerate(clients)))
    finally:
        await asyncio.gather(*(client.close() for client in clients))


async def test_a_cursor_of_one_gateway_is_good_on_the_other(both):
    """Two requests in a row go to different gateways, and the second goes on where the first ended."""
    url, _ = both
    async with httpx.AsyncClient(headers={"Authorization": f"Bearer {TOKEN}"}) as client:
        for number in range(4):
            await client.post(f"{url}/v1/topics/demo/records", json={"value": number})
        first = (await client.get(f"{url}/v1/topics/demo/records?limit=2")).json()
        rest = (await client.get(f"{url}/v1/topics/demo/records", params={"from": first["cursor"]})).json()
    assert sorted(r["value"] for r in first["records"] + rest["records"]) == [0, 1, 2, 3]


async def test_a_stream_comes_as_it_is_written(both):
    """The proxy holds no record back."""
    url, _ = both
    async with httpx.AsyncClient(headers={"Authorization": f"Bearer {TOKEN}"}, timeout=SECONDS) as client:
        async with client.stream("GET", f"{url}/v1/stream?topic=demo&from=beginning") as answer:
            lines = answer.aiter_lines()
            await anext(lines)
            await client.post(f"{url}/v1/topics/demo/records", json={"value": "now"})
            async for line in lines:
                if '"value":"now"' in line:
                    break


async def test_a_gateway_that_goes_takes_no_request_with_it(both):
    """Each request is answered, before and after the proxy has noticed."""
    url, gateways = both
    async with httpx.AsyncClient(headers={"Authorization": f"Bearer {TOKEN}"}, timeout=SECONDS) as client:
        answers = [await client.get(f"{url}/v1/topics/demo/records") for _ in range(4)]
        gateways[0].server.ask_to_stop()
        answers += [await client.get(f"{url}/v1/topics/demo/records") for _ in range(8)]
    assert {answer.status_code for answer in answers} == {200}
