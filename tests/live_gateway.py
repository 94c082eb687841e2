"""A gateway on a free port of this machine, with the ports of a log that a test chooses."""

import asyncio
import contextlib
from dataclasses import dataclass, replace

from tailrace.auth import Authorizer, Identities, Sessions
from tailrace.core.hub import Hub, Limits
from tailrace.memory import MemoryAdmin, MemoryReader, MemoryTail, MemoryWriter
from tailrace.settings import Settings
from tailrace.transports.access import HeaderAccess
from tailrace.transports.app import make_app
from tailrace.transports.gateway import Gateway
from tailrace.transports.pages import PAGE_HANDLERS, page_files
from tailrace.transports.rest import HANDLERS
from tailrace.transports.server import Server, listen
from tailrace.transports.socketio import socketio_mount
from tailrace.transports.streams import Streams
from tailrace.transports.tasklogs import TaskLogs

TOKEN = "tr_for_tests"


@dataclass
class LiveGateway:
    gateway: Gateway
    port: int
    server: Server

    @property
    def url(self):
        return f"http://127.0.0.1:{self.port}"


@dataclass
class Ports:
    reader: object
    writer: object
    admin: object
    tail: object


def memory_ports(log):
    loop = asyncio.get_running_loop()
    return Ports(
        MemoryReader(log),
        MemoryWriter(log, loop.call_soon),
        MemoryAdmin(log),
        lambda listener: MemoryTail(log, listener, loop.call_soon),
    )


@contextlib.asynccontextmanager
async def live_gateway(ports, settings=None, *, dev=True, more=()):
    """As `tailrace dev` composes it, or as `serve` does."""
    settings = settings or Settings()
    settings = replace(settings, server=replace(settings.server, port=0))
    sessions, tasks, loop = Sessions(), set(), asyncio.get_running_loop()
    identities = (
        Identities.for_dev(settings, sessions, TOKEN) if dev else Identities.from_settings(settings, sessions)
    )

    def spawn(work):
        tasks.add(task := loop.create_task(work))
        task.add_done_callback(tasks.discard)
        return task

    hub = Hub(ports.reader, ports.tail, Limits(), call_soon=loop.call_soon, clock=loop.time, spawn=spawn)
    access = HeaderAccess(identities, Authorizer(), sessions)
    gateway = Gateway(settings, ports.reader, ports.writer, ports.admin, access, hub)
    gateway.on_stop.append(hub.stop)
    task_logs = TaskLogs(gateway, hub, ports.reader, spawn)
    app = make_app(
        gateway,
        {**HANDLERS, **PAGE_HANDLERS, "stream": Streams(hub, spawn), "task_logs": task_logs},
        more=[*page_files(), socketio_mount(gateway, spawn, local_pages=dev), *more],
    )
    listener = listen(settings)
    server = Server(app, settings, gateway.stop)
    ready = asyncio.Event()
    serving = asyncio.create_task(server.run_until_stopped(listener, ready.set))
    await asyncio.wait_for(ready.wait(), 5)
    try:
        yield LiveGateway(gateway, listener.getsockname()[1], server)
    finally:
        server.ask_to_stop()
        await asyncio.wait_for(serving, 10)
        for task in list(tasks):
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        hub.close()
        task_logs.close()
