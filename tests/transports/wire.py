"""A gateway on a free port with a log in memory, and a client that sees every byte."""

import asyncio
import base64
import contextlib
import json
import socket
from dataclasses import replace

from tailrace.auth import Authorizer, DeclaredOwners, Identities, Sessions
from tailrace.core.hub import Hub, Limits
from tailrace.memory import MemoryAdmin, MemoryLog, MemoryReader, MemoryTail, MemoryWriter
from tailrace.settings import Settings
from tailrace.transports.access import HeaderAccess
from tailrace.transports.app import make_app
from tailrace.transports.gateway import Gateway
from tailrace.transports.rest import HANDLERS
from tailrace.transports.server import Server, listen
from tailrace.transports.streams import Streams
from tailrace.transports.tasklogs import Refusals, TaskLogs

SECONDS = 15.0


class Wire:
    """One connection; what comes is kept, and waited for with a deadline."""

    def __init__(self, reader, writer):
        self.reader, self.writer = reader, writer
        self.status, self.headers, self.body = 0, {}, b""
        self.whole = False
        self._raw = b""

    def send(self, data):
        self.writer.write(data)

    async def head(self):
        """The status line and headers of the next response."""
        async with asyncio.timeout(SECONDS):
            head = await self.reader.readuntil(b"\r\n\r\n")
        first, *lines = head.decode("latin-1").split("\r\n")
        self.status = int(first.split()[1])
        self.headers = {n.lower(): v.strip() for n, _, v in (line.partition(":") for line in lines if line)}
        self.body, self._raw, self.whole = b"", b"", False
        return self

    async def more(self):
        """What comes next of the body; False at its end or when it is cut."""
        if self.whole:
            return False
        async with asyncio.timeout(SECONDS):
            if self.headers.get("transfer-encoding") == "chunked":
                return await self._chunk()
            length = "0" if self.status == 204 else self.headers.get("content-length")
            data = await (self.reader.readexactly(int(length)) if length else self.reader.read(65536))
        self.body += data
        self.whole = length is not None
        return bool(data) and not self.whole

    async def _chunk(self):
        try:
            size = int(await self.reader.readuntil(b"\r\n"), 16)
            data = await self.reader.readexactly(size + 2)
        except (asyncio.IncompleteReadError, ConnectionError):
            return False
        self.body += data[:-2]
        self.whole = size == 0
        return size > 0

    async def rest(self):
        """The whole body, to its end or to where it is cut."""
        while await self.more():
            pass
        return self.body

    async def until(self, condition):
        """Read on until the condition holds."""
        while not condition():
            assert await self.more(), f"the body ended: {self.body[-300:]!r}"

    async def closed(self):
        """All that comes until the server closes the connection."""
        async with asyncio.timeout(SECONDS):
            try:
                return await self.reader.read()
            except ConnectionError:
                return b""

    def close(self):
        self.writer.transport.abort()


def ndjson_events(body):
    """(kind, body) of each whole line; a record's kind is `record`."""
    lines = [json.loads(line) for line in body.rpartition(b"\n")[0].split(b"\n") if line]
    events = [("record", line) if "topic" in line else next(iter(line.items())) for line in lines]
    return [("problem" if kind == "error" else kind, said) for kind, said in events]


def sse_events(body):
    """(kind, body) of each whole block; a bare id is a `cursor`, as is each record's id."""
    events = []
    for block in body.rpartition(b"\n\n")[0].split(b"\n\n"):
        fields = dict(line.split(": ", 1) for line in block.decode().split("\n") if ": " in line)
        if "data" in fields:
            kind = fields.get("event", "record")
            events.append(("end" if kind == "bye" else kind, json.loads(fields["data"])))
        if "id" in fields:
            events.append(("cursor", fields["id"]))
    return events


EVENTS = {"ndjson": ndjson_events, "sse": sse_events}


class Reading:
    """A stream in one of the forms, and what it has brought."""

    def __init__(self, wire, form):
        self.wire, self.form = wire, form

    @property
    def events(self):
        return EVENTS[self.form](self.wire.body)

    @property
    def kinds(self):
        return [kind for kind, _ in self.events if kind != "cursor"]

    @property
    def records(self):
        return [said for kind, said in self.events if kind == "record"]

    @property
    def places(self):
        return [(r["partition"], r["offset"]) for r in self.records]

    @property
    def cursor(self):
        return [said for kind, said in self.events if kind == "cursor"][-1]

    def of(self, kind):
        return [said for name, said in self.events if name == kind]

    async def until(self, count=0, kind="record"):
        """Wait for so many events of a kind."""
        await self.wire.until(lambda: len(self.of(kind)) >= count)
        return self

    async def end(self):
        """Wait for the end of the body."""
        await self.wire.rest()
        return self


class LiveGateway:
    """The gateway, its log, and ways to talk to it."""

    def __init__(self, log, port, server, hub, identities, owners):
        self.log, self.port, self.server, self.hub = log, port, server, hub
        self.identities, self.owners = identities, owners
        self.wires = []

    async def connect(self, receive_buffer=0):
        """A bare connection."""
        sock = socket.socket()
        if receive_buffer:
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, receive_buffer)
        sock.setblocking(False)
        await asyncio.get_running_loop().sock_connect(sock, ("127.0.0.1", self.port))
        reader, writer = await asyncio.open_connection(sock=sock, limit=4 << 20)
        self.wires.append(wire := Wire(reader, writer))
        return wire

    async def get(self, path, *headers, version="1.1", method="GET", wire=None, receive_buffer=0):
        """A request, and the head of its response."""
        wire = wire or await self.connect(receive_buffer)
        lines = [f"{method} {path} HTTP/{version}", "Host: 127.0.0.1", *headers, "", ""]
        wire.send("\r\n".join(lines).encode())
        return await wire.head()

    async def read(self, form, query="topic=t&from=beginning", *headers, **more):
        """A stream in a form."""
        wire = await self.get(f"/v1/stream?format={form}&{query}", *headers, **more)
        return Reading(wire, form)


@contextlib.asynccontextmanager
async def live_gateway(settings=None, log=None, heartbeat=15.0, reader=None, tail=None):
    """A gateway that anybody may use, or with the principals of the settings."""
    log = log or MemoryLog()
    settings = settings or Settings()
    settings = replace(
        settings, server=replace(settings.server, port=0, open=not settings.principals, heartbeat=heartbeat)
    )
    loop, sessions, tasks = asyncio.get_running_loop(), Sessions(), set()

    def spawn(work):
        tasks.add(task := loop.create_task(work))
        task.add_done_callback(tasks.discard)
        return task

    limits = Limits(settings.limits.memory, settings.limits.window, heartbeat)
    reader = reader or MemoryReader(log)
    hub = Hub(
        reader,
        tail or (lambda listener: MemoryTail(log, listener, loop.call_soon)),
        limits,
        call_soon=loop.call_soon,
        clock=loop.time,
        spawn=spawn,
    )
    identities = Identities.from_settings(settings, sessions)
    owners = DeclaredOwners(settings.owners)
    access = HeaderAccess(identities, Authorizer(), sessions, owners)
    gateway = Gateway(settings, reader, MemoryWriter(log, loop.call_soon), MemoryAdmin(log), access, hub)
    gateway.on_stop.append(hub.stop)
    listener = listen(settings)
    task_logs = TaskLogs(gateway, hub, reader, spawn)
    app = make_app(
        gateway,
        {**HANDLERS, "stream": Streams(hub, spawn), "task_logs": task_logs},
        refusals={"task_logs": Refusals(settings.tasklogs)},
    )
    server = Server(app, settings, gateway.stop)
    ready = asyncio.Event()
    serving = loop.create_task(server.run_until_stopped(listener, ready.set))
    spawn(hub.run())
    live = LiveGateway(log, listener.getsockname()[1], server, hub, identities, owners)
    try:
        await ready.wait()
        yield live
    finally:
        for wire in live.wires:
            wire.close()
        server.ask_to_stop()
        server.force_exit = True
        await serving
        hub.close()
        task_logs.close()
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


def basic(text):
    """A Basic authorization of the text."""
    return base64.b64encode(text.encode()).decode()
