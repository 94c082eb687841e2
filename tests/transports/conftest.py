"""A gateway on the memory log, spoken to over ASGI."""

import asyncio
import hashlib

import httpx
import pytest

from tailrace.auth import Authorizer, Identities, Sessions
from tailrace.core.hub import Hub, Limits
from tailrace.memory import MemoryAdmin, MemoryLog, MemoryReader, MemoryTail, MemoryWriter
from tailrace.settings import GrantEntry, PrincipalEntry, Server, Settings
from tailrace.transports.access import HeaderAccess
from tailrace.transports.app import make_app
from tailrace.transports.gateway import Gateway
from tailrace.transports.rest import HANDLERS

ALL = ("read", "write", "create", "delete", "describe", "admin")


def principal(name, *grants):
    digest = hashlib.sha256(f"tr_{name}".encode()).hexdigest()
    return PrincipalEntry(name, digest, tuple(GrantEntry(actions, topic) for actions, topic in grants))


PRINCIPALS = (
    principal("root", (ALL, "*")),
    principal("reader", (("read",), "orders")),
    principal("writer", (("write",), "orders")),
    principal("nobody"),
)


@pytest.fixture
def log():
    log = MemoryLog()
    log.create("orders", 2)
    return log


@pytest.fixture
def settings():
    return Settings(principals=PRINCIPALS, server=Server(origins=("https://app.example",)))


@pytest.fixture
async def gateway(log, settings):
    loop = asyncio.get_running_loop()
    reader = MemoryReader(log)
    sessions = Sessions()
    tasks = set()

    def spawn(work):
        tasks.add(task := loop.create_task(work))
        task.add_done_callback(tasks.discard)

    hub = Hub(
        reader,
        lambda listener: MemoryTail(log, listener, loop.call_soon),
        Limits(),
        call_soon=loop.call_soon,
        clock=loop.time,
        spawn=spawn,
    )
    access = HeaderAccess(Identities.from_settings(settings, sessions), Authorizer(), sessions)
    yield Gateway(settings, reader, MemoryWriter(log, loop.call_soon), MemoryAdmin(log), access, hub)
    hub.stop()


@pytest.fixture
async def client(gateway):
    """A client that may do everything."""
    transport = httpx.ASGITransport(app=make_app(gateway, HANDLERS))
    headers = {"authorization": "Bearer tr_root"}
    async with httpx.AsyncClient(transport=transport, base_url="http://gateway", headers=headers) as client:
        yield client


@pytest.fixture
def as_():
    """The headers of a principal by name."""
    return lambda name: {"authorization": f"Bearer tr_{name}"}
