"""The Socket.IO library as it is set up here: bounded where one client could make it grow."""

import asyncio
import logging
from collections.abc import Callable, Coroutine, Mapping

import engineio
import engineio.packet
import engineio.payload
import socketio
import socketio.packet

from tailrace.auth import OriginRules
from tailrace.settings import Settings
from tailrace.transports.budget import MessageBound
from tailrace.transports.frames import frame_bytes
from tailrace.transports.gateway import Scope
from tailrace.transports.socketio.sessions import Sessions, identity_headers
from tailrace.transports.websocket import MESSAGES

PING_INTERVAL_SECONDS = 25
PING_TIMEOUT_SECONDS = 20
# Python's client refuses a poll's answer of more than 16 packets; a reply, an acknowledgement and a ping
# may come on top of these.
ROOM_PACKETS = 12
# What one client has not read yet, beside the packet that crosses the line.
ROOM_BYTES = 64 * 1024
# A page that sends much at once before its upgrade to WebSocket: the library drops what is beyond, silently.
POST_PACKETS = 1000
ATTACHMENTS = 10

# Under this name a namespace finds the headers that tell who a client is.
HEADERS = "tailrace.headers"

Spawn = Callable[[Coroutine[object, object, None]], asyncio.Task[None]]

_NOOP = engineio.packet.NOOP
# Every error it logs is a client's doing, with a trace each; what is ours is logged by the namespace.
_library_log = logging.getLogger("tailrace.socketio.library")
_library_log.setLevel(logging.CRITICAL)
_log = logging.getLogger("tailrace.socketio")


class Outbox(asyncio.Queue[engineio.packet.Packet | None]):
    """What one client has not read yet; whoever adds to it waits for room first."""

    def __init__(self) -> None:
        super().__init__()
        self._bytes = 0
        self._ended = False
        self._room = asyncio.Event()
        self._room.set()

    @property
    def has_room(self) -> bool:
        """Whether more may be added now."""
        return self._room.is_set()

    async def room(self) -> None:
        """Wait until the client has read nearly all."""
        await self._room.wait()

    async def room_within(self, seconds: float) -> bool:
        """Whether there is room before the time is over."""
        if self.has_room:
            return True
        try:
            async with asyncio.timeout(seconds):
                await self.room()
        except TimeoutError:
            return False
        return True

    async def put(self, item: engineio.packet.Packet | None) -> None:
        """Add a packet; never waits, so that the library can always come to its end, which None marks."""
        self._ended = self._ended or item is None
        # It ends a poll that waits for something; a client may ask for any number of them.
        if item is None or item.packet_type != _NOOP or self.empty():
            self.put_nowait(item)

    def _put(self, item: engineio.packet.Packet | None) -> None:
        super()._put(item)
        self._count(_size(item))

    def _get(self) -> engineio.packet.Packet | None:
        item: engineio.packet.Packet | None = super()._get()
        self._count(-_size(item))
        return item

    def _count(self, more: int) -> None:
        self._bytes += more
        if self._ended or (self.qsize() < ROOM_PACKETS and self._bytes < ROOM_BYTES):
            self._room.set()
        else:
            self._room.clear()


def _size(item: engineio.packet.Packet | None) -> int:
    return len(item.data) if item is not None and isinstance(item.data, str | bytes) else 0


class Packet(socketio.packet.Packet):  # type: ignore[misc]  # the library has no types
    """A packet whose attachments are bounded: the library would keep any number for one that never ends."""

    limit: int

    def decode(self, encoded_packet: str) -> int:
        """Read a packet; answers how many attachments follow."""
        count: int = super().decode(encoded_packet)
        if count > ATTACHMENTS:
            raise ValueError("too many attachments")
        return count

    def add_attachment(self, attachment: bytes) -> bool:
        """Add one that came; whether it was the last."""
        if len(attachment) + sum(map(len, self.attachments)) > self.limit:
            raise ValueError("attachments too large")
        last: bool = super().add_attachment(attachment)
        return last


class _Engine(engineio.AsyncServer):  # type: ignore[misc]  # the library has no types
    def create_queue(self, *_args: object, **_options: object) -> Outbox:
        return Outbox()


class SocketServer(socketio.AsyncServer):  # type: ignore[misc]  # the library has no types
    """The library's server over engines with bounded queues; closes connections that send no packets."""

    eio: engineio.AsyncServer
    sessions: Sessions

    def _engineio_server_class(self) -> type[_Engine]:
        return _Engine

    def outbox(self, engine_id: str) -> Outbox | None:
        """What the connection's client has not read yet; None where it is gone."""
        socket = self.eio.sockets.get(engine_id)
        return None if socket is None or socket.closed else socket.queue

    async def drop(self, engine_id: str) -> None:
        """End a connection at once, whether its client reads or not; it may connect again."""
        socket = self.eio.sockets.get(engine_id)
        if socket is not None and not socket.closed:
            await socket.close(wait=False)
            # The end mark: without it the writer of a WebSocket waits for the next packet first.
            await socket.queue.put(None)
            self.forget(engine_id)

    def forget(self, engine_id: str) -> None:
        """Keep nothing of a connection that has ended: the library would for up to 20 seconds."""
        self.eio.sockets.pop(engine_id, None)

    async def stop(self) -> None:
        """End all connections and the library's own task."""
        for engine_id in list(self.eio.sockets):
            await self.drop(engine_id)
        await self.shutdown()


def make_server(settings: Settings, origins: OriginRules, spawn: Spawn) -> SocketServer:
    """A server that takes pages of these origins only; `spawn` runs a coroutine to its end."""
    most = frame_bytes(settings.limits.record)
    engineio.payload.Payload.max_decode_packets = POST_PACKETS
    server = SocketServer(
        async_mode="asgi",
        serializer=type("BoundedPacket", (Packet,), {"limit": most}),
        # An event is handled before the next is looked at, so that a client's order is kept.
        async_handlers=False,
        # Connecting always succeeds, and the client hears of it before its first event.
        always_connect=True,
        ping_interval=PING_INTERVAL_SECONDS,
        ping_timeout=PING_TIMEOUT_SECONDS,
        max_http_buffer_size=most,
        http_compression=False,
        cors_allowed_origins=_taken_by(origins),
        logger=_library_log,
        engineio_logger=_library_log,
    )
    server.sessions = Sessions(
        settings.limits.connections,
        settings.socketio.sessions_per_client,
        most,
        lambda engine_id: spawn(server.drop(engine_id)),
    )
    server.eio.on("connect", _welcome(server, server.eio.handlers["connect"]))
    server.eio.on("message", _guard(server, server.eio.handlers["message"]))
    server.eio.on("disconnect", _farewell(server, server.eio.handlers["disconnect"]))
    return server


def _taken_by(origins: OriginRules) -> Callable[[str | None, dict[str, object]], bool]:
    def taken(origin: str | None, environ: dict[str, object]) -> bool:
        host = environ.get("HTTP_HOST")
        return origins.takes(origin, host if isinstance(host, str) else None)

    return taken


def _welcome(server: SocketServer, handle: Callable[..., object]) -> Callable[..., object]:
    """Keep of the handshake's request what tells who it is: the library would keep 32 KB for each client."""

    async def connect(engine_id: str, environ: Mapping[str, object]) -> None:
        scope = environ["asgi.scope"]
        assert isinstance(scope, dict)
        server.sessions.opened(engine_id, client_address(scope))
        server.sessions.attach(engine_id, message_bound(scope))
        await handle(engine_id, {HEADERS: identity_headers(dict(scope["headers"]))})  # type: ignore[misc]  # the library has no types

    return connect


def client_address(scope: Scope) -> str:
    """Where a request comes from."""
    return scope["client"][0] if scope.get("client") else ""


def message_bound(scope: Scope) -> MessageBound | None:
    """The bound of a WebSocket's messages; None for other requests."""
    found: MessageBound | None = scope.get("extensions", {}).get(MESSAGES)
    return found


def _guard(server: SocketServer, handle: Callable[..., object]) -> Callable[[str, object], object]:
    """Handle a client's packet only when it has read the answers to those before."""

    async def message(engine_id: str, data: object) -> None:
        outbox = server.outbox(engine_id)
        if outbox is None:
            return
        server.sessions.used(engine_id)
        try:
            if await outbox.room_within(PING_INTERVAL_SECONDS + PING_TIMEOUT_SECONDS):
                if server.outbox(engine_id) is not None:
                    _check_connect(server, engine_id, data)
                    await handle(engine_id, data)  # type: ignore[misc]  # the library has no types
                return
        except Exception as error:  # noqa: BLE001 - the library raises many kinds for what is no packet
            _log.info("A Socket.IO packet could not be read: %s", type(error).__name__)
        await server.drop(engine_id)

    return message


def _check_connect(server: SocketServer, engine_id: str, data: object) -> None:
    """Refuse a second connect to a namespace: the library would keep the first for ever."""
    if isinstance(data, str) and data[:1] == str(socketio.packet.CONNECT):
        namespace = server.packet_class(encoded_packet=data).namespace or "/"
        if server.manager.sid_from_eio_sid(engine_id, namespace) is not None:
            raise ValueError("connected already")


def _farewell(server: SocketServer, handle: Callable[..., object]) -> Callable[[str, str], object]:
    """End the poll of a client that says goodbye: the library would hold it until the next ping."""

    async def disconnect(engine_id: str, reason: str) -> None:
        await handle(engine_id, reason)  # type: ignore[misc]  # the library has no types
        server.sessions.closed(engine_id)
        socket = server.eio.sockets.get(engine_id)
        if socket is not None and reason == server.reason.CLIENT_DISCONNECT:
            await socket.queue.put(None)
            server.forget(engine_id)

    return disconnect
