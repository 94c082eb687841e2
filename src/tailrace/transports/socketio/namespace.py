"""The events of `/kafka`: what a client sends, what it is answered, one event at a time."""

import asyncio
import logging
from collections import deque
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from functools import partial
from uuid import uuid4

import msgspec
from engineio.exceptions import EngineIOError

from tailrace.auth import same_origin
from tailrace.core.errors import BadRecord, Stopping, TailraceError, TooLarge
from tailrace.core.ports import NewRecord
from tailrace.transports.gateway import Gateway
from tailrace.transports.rest.produce import store
from tailrace.transports.socketio.engine import HEADERS, Outbox, SocketServer, Spawn
from tailrace.transports.socketio.listing import Listing

NAMESPACE = "/kafka"
MOST_WAITING = 16
# Lists hold records while they go on; this many at a time, and a client that stops reading lets go.
LISTS_AT_A_TIME = 8
TURN_SECONDS = 1.0
TURN_RECORDS = 10_000
# They are kept as long as a client is connected.
TOKEN_CHARACTERS = 4096

_log = logging.getLogger("tailrace.socketio")


@dataclass(slots=True, eq=False)
class _Client:
    """One connection to the namespace, and the events that wait for their turn."""

    engine_id: str
    headers: Mapping[bytes, bytes]
    outbox: Outbox
    waiting: deque["_Event"] = field(default_factory=deque)
    working: asyncio.Task[None] | None = None


_Event = Callable[[_Client], Awaitable[None]]


class KafkaNamespace:
    """Handles the events of the namespace's clients.

    Args:
        gateway: where records come from and go to, and who may.
        server: the library.
        spawn: runs a coroutine to its end.
    """

    def __init__(self, gateway: Gateway, server: SocketServer, spawn: Spawn) -> None:
        self._gateway = gateway
        self._server = server
        self._spawn = spawn
        self._topic = gateway.settings.socketio.topic
        self._clients: dict[str, _Client] = {}
        self._turns = asyncio.Semaphore(LISTS_AT_A_TIME)
        self._tally = gateway.tallies["socketio"]
        for event, handler in (
            ("connect", self._connect),
            ("disconnect", self._disconnect),
            ("kafkaproducer", self._producer),
            ("kafkaconsumer", self._consumer),
        ):
            server.on(event, handler, namespace=NAMESPACE)

    # -- what the library calls

    async def _connect(self, sid: str, environ: Mapping[str, object], auth: object) -> None:
        engine_id = self._server.manager.eio_sid_from_sid(sid, NAMESPACE)
        outbox = self._server.outbox(engine_id)
        if outbox is None:
            return
        client = self._clients[sid] = _Client(engine_id, _headers(environ, auth), outbox)
        self._tally.open += 1
        if self._may_write(client):
            self._server.sessions.trust(engine_id)
        await self._say(client, "logs", "Connection established")

    async def _disconnect(self, sid: str, _reason: str) -> None:
        client = self._clients.pop(sid, None)
        if client is not None:
            self._tally.open -= 1
            client.waiting.clear()
            if client.working is not None:
                client.working.cancel()

    async def _producer(self, sid: str, *payload: object) -> None:
        await self._take(sid, partial(self._produce, payload=payload[0] if payload else None))

    async def _consumer(self, sid: str, *_payload: object) -> None:
        await self._take(sid, self._list)

    async def _take(self, sid: str, event: _Event) -> None:
        client = self._clients.get(sid)
        if client is None:
            return
        if client.working is None:
            client.working = self._spawn(self._work(client, event))
        elif len(client.waiting) < MOST_WAITING:
            client.waiting.append(event)
        else:
            await self._say(client, "logs", "Error: busy")

    # -- one client's events, one at a time

    async def _work(self, client: _Client, event: _Event) -> None:
        await self._handle(client, event)
        while client.waiting:
            await self._handle(client, client.waiting.popleft())
        client.working = None

    async def _handle(self, client: _Client, event: _Event) -> None:
        try:
            await event(client)
        except TailraceError as error:
            await self._fail(client, error.detail)
        except EngineIOError:
            # The connection ended under this event; the library tells of it soon.
            client.waiting.clear()
        except Exception:  # noqa: BLE001 - a fault of ours must not end the client's other events; it is logged
            _log.exception("An event of a Socket.IO client failed.")
            await self._fail(client, "something went wrong here; the gateway's log has the details.")

    async def _fail(self, client: _Client, why: str) -> None:
        try:
            await self._say(client, "logs", f"Error: {why}")
        except EngineIOError:
            client.waiting.clear()

    async def _produce(self, client: _Client, *, payload: object) -> None:
        value = _utf8(payload, self._gateway.settings.limits.record)
        self._authorize(client, "write")
        record = NewRecord(value, key=str(uuid4()).encode("ascii"))
        (outcome,) = await store(self._gateway, self._topic, [record])
        if isinstance(outcome, TailraceError):
            raise outcome
        await self._say(client, "logs", f"Added {payload} to topic")
        await self._say(client, "kafkaproducer", str(payload))
        await self._list(client)

    async def _list(self, client: _Client) -> None:
        self._authorize(client, "read")
        reader = self._gateway.reader
        end = await reader.latest(self._topic)
        listing = Listing(reader, self._topic, await reader.earliest(self._topic), end)
        await self._say(client, "kafkaconsumer1", "")
        left = most = self._gateway.settings.socketio.list_limit
        while left:
            await client.outbox.room()
            async with self._turns:
                left -= await self._list_some(client, listing, min(left, TURN_RECORDS))
                if not await listing.more():
                    return
            listing.release()
        await self._say(client, "logs", f"The list ends after {most} records; the topic holds more.")

    async def _list_some(self, client: _Client, listing: Listing, most: int) -> int:
        """Send the next records, as long as the client reads; answers how many."""
        for listed in range(most):
            if not await client.outbox.room_within(TURN_SECONDS) or not await listing.more():
                return listed
            value = listing.take()
            text = None if value is None else value.decode("utf-8", "replace")
            frame = _frame("kafkaconsumer", text)
            await self._server.eio.send(client.engine_id, frame)
            self._tally.records += 1
            self._tally.nbytes += len(frame.encode())
        return most

    async def _say(self, client: _Client, event: str, data: str) -> None:
        await client.outbox.room()
        await self._server.eio.send(client.engine_id, _frame(event, data))

    # -- who may

    def _authorize(self, client: _Client, action: str) -> None:
        if self._gateway.stopping:
            raise Stopping("This gateway is going away; connect again.")
        access = self._gateway.access
        method = "POST" if action == "write" else "GET"
        access.authorize(access.identify(self._identity(client), method), action, self._topic)

    def _may_write(self, client: _Client) -> bool:
        access = self._gateway.access
        try:
            # Whether the write comes from a page that may make it is asked when it comes.
            access.authorize(access.identify(self._identity(client), "GET"), "write", self._topic)
        except TailraceError:
            return False
        return True

    def _identity(self, client: _Client) -> Mapping[bytes, bytes]:
        """The headers that tell who it is: a cookie speaks for pages of this server only.

        The handshake of a page of ours may have no Origin, its later requests do. Pages from elsewhere
        were let in by the setting of origins, so the rules for pages do not judge them again.
        """
        socket = self._server.eio.sockets.get(client.engine_id)
        origin = client.headers.get(b"origin") or (socket and socket.session.get("origin"))
        if origin is None:
            return client.headers
        host = client.headers.get(b"host", b"").decode("latin-1")
        if same_origin(origin.decode("latin-1"), host):
            return {**client.headers, b"origin": origin}
        return {n: v for n, v in client.headers.items() if n not in {b"cookie", b"origin"}}


def _headers(environ: Mapping[str, object], auth: object) -> Mapping[bytes, bytes]:
    """The handshake's headers; a token given by the page, which cannot set headers, counts as one."""
    kept = environ[HEADERS]
    assert isinstance(kept, dict)
    token = auth.get("token") if isinstance(auth, dict) else None
    if not isinstance(token, str):
        return kept
    # The beginning of what is too long to be a token is none either.
    return {**kept, b"authorization": b"Bearer " + token[:TOKEN_CHARACTERS].encode("latin-1", "replace")}


def _utf8(payload: object, limit: int) -> bytes:
    if not isinstance(payload, str):
        raise BadRecord("kafkaproducer takes a text.")
    try:
        value = payload.encode()
    except UnicodeEncodeError:
        raise BadRecord("the text holds half of a character and has no UTF-8 form.") from None
    if len(value) > limit:
        raise TooLarge(f"the text is too large: a record has at most {limit} bytes.")
    return value


def _frame(event: str, data: str | None) -> str:
    """An event as the protocol writes it; the library takes ten times as long, and a task for each."""
    return f"2{NAMESPACE},{msgspec.json.encode((event, {'data': data})).decode()}"
