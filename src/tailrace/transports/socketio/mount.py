"""The door of Socket.IO: what the library leaves unbounded has bounds here."""

import asyncio
from collections.abc import Coroutine, Mapping
from urllib.parse import parse_qs

from starlette.routing import BaseRoute, Mount

from tailrace.auth import OriginRules
from tailrace.core.errors import (
    BadRequest,
    NotFound,
    Overloaded,
    RequestTimeout,
    Stopping,
    TailraceError,
    TooLarge,
)
from tailrace.transports.budget import Budget, Share
from tailrace.transports.errors import SECURITY_HEADERS, problem_answer, send_answer
from tailrace.transports.gateway import Gateway, Message, Receive, Scope, Send, Sender
from tailrace.transports.socketio.engine import (
    SocketServer,
    Spawn,
    client_address,
    make_server,
    message_bound,
)
from tailrace.transports.socketio.namespace import KafkaNamespace
from tailrace.transports.socketio.sessions import IDENTITY_BYTES, identity_headers

PATH = "/socket.io"


def socketio_mount(gateway: Gateway, spawn: Spawn, *, local_pages: bool = False) -> BaseRoute:
    """Socket.IO with the namespace `/kafka`, as a mount of the application.

    Args:
        gateway: the services.
        spawn: runs a coroutine to its end.
        local_pages: whether pages of any loopback origin may connect, as in `tailrace dev`.
    """
    socketio = gateway.settings.socketio
    origins = OriginRules(socketio.origins, loopback=local_pages, null=socketio.allow_null_origin)
    server = make_server(gateway.settings, origins, spawn)
    KafkaNamespace(gateway, server, spawn)
    gateway.on_stop.append(lambda: _ended(spawn(server.stop())))
    return Mount(PATH, app=_Door(gateway, server, origins))


def _ended(_task: object) -> None:
    """Whoever spawned it waits for it."""


class _Door:
    """Bounds sessions and bodies, remembers a session's origin, adds the headers of every response."""

    def __init__(self, gateway: Gateway, server: SocketServer, origins: OriginRules) -> None:
        self._gateway = gateway
        self._server = server
        self._origins = origins
        self._incoming = Budget(gateway.settings.socketio.incoming)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        headers: dict[bytes, bytes] = dict(scope["headers"])
        with Share(self._incoming, "Clients send too much at a time.") as share:
            try:
                session = self._check(scope)
                body = await self._body(receive, session, share) if scope["type"] == "http" else b""
            except TailraceError as error:
                await _refuse(scope, send, error)
                return
            if session is not None:
                self._note_origin(session, headers)
            if scope["type"] == "websocket":
                self._bound_messages(scope, session)
                await self._server.handle_request(scope, _counted(receive, share), send)
            else:
                await self._answer(scope, body, receive, send)

    async def _answer(self, scope: Scope, body: bytes, receive: Receive, send: Send) -> None:
        answering = self._server.handle_request(scope, _whole(body), _with_headers(send))
        if scope["method"] == "GET":
            await _while_connected(answering, receive)
        else:
            await answering

    def _check(self, scope: Scope) -> str | None:
        """The session's id, None for a new one; raises where a request is not for the library."""
        if scope["path"] != f"{scope.get('root_path', '')}/":
            raise NotFound("There is nothing at this address.")
        query: dict[str, list[str | None]] = {**parse_qs(scope["query_string"].decode("latin-1"))}
        if "j" in query:
            # A script of any page could read it: it exists for browsers without CORS.
            raise BadRequest("JSONP is not served here.", hint="Use a Socket.IO client of version 3 or 4.")
        session: str | None = query.get("sid", [None])[0]
        if session is not None:
            return session
        if self._gateway.stopping:
            raise Stopping("This gateway is going away.", hint="Connect again; another one will answer.")
        self._server.sessions.check(client_address(scope))
        identity_headers(dict(scope["headers"]))
        return None

    def _bound_messages(self, scope: Scope, session: str | None) -> None:
        messages = message_bound(scope)
        if messages is not None:
            messages.budget = self._incoming
            if session is not None:
                self._server.sessions.attach(session, messages)

    async def _body(self, receive: Receive, session: str | None, share: Share) -> bytes:
        limit = self._server.sessions.largest(session)
        seconds = self._gateway.settings.deadlines.body
        body = bytearray()
        try:
            async with asyncio.timeout(seconds):
                while True:
                    message = await receive()
                    share.grow(len(message.get("body", b"")))
                    body += message.get("body", b"")
                    if len(body) > limit:
                        raise TooLarge(f"A message has at most {limit} bytes here.")
                    if not message.get("more_body"):
                        return bytes(body)
        except TimeoutError:
            raise RequestTimeout(f"The body was not complete after {seconds:g} seconds.") from None

    def _note_origin(self, session: str, headers: Mapping[bytes, bytes]) -> None:
        origin = headers.get(b"origin")
        socket = self._server.eio.sockets.get(session)
        if socket is None or origin is None or len(origin) > IDENTITY_BYTES:
            return
        host = headers.get(b"host", b"").decode("latin-1")
        if self._origins.takes(origin.decode("latin-1"), host):
            socket.session["origin"] = origin


def _counted(receive: Receive, share: Share) -> Receive:
    """What the library reads of a WebSocket: a message counts until it asks for the next one."""

    async def receiving() -> Message:
        share.release()
        message = await receive()
        try:
            share.grow(len(message.get("text") or message.get("bytes") or b""))
        except Overloaded:
            return {"type": "websocket.disconnect", "code": 1013}
        return message

    return receiving


def _whole(body: bytes) -> Receive:
    """What the library reads of a request: its body, which is here already."""

    async def receive() -> Message:
        return {"type": "http.request", "body": body, "more_body": False}

    return receive


async def _while_connected(answering: Coroutine[object, object, object], receive: Receive) -> None:
    """Answer a poll unless its client goes first: the library would wait for it until the next ping."""
    answer = asyncio.ensure_future(answering)
    gone = asyncio.ensure_future(receive())
    try:
        await asyncio.wait({answer, gone}, return_when=asyncio.FIRST_COMPLETED)
    finally:
        gone.cancel()
        answer.cancel()
        await asyncio.gather(answer, gone, return_exceptions=True)
    if answer.done() and not answer.cancelled():
        answer.result()


def _with_headers(send: Send) -> Send:
    async def sending(message: Message) -> None:
        if message["type"] == "http.response.start":
            message["headers"] = [*message["headers"], *SECURITY_HEADERS, (b"vary", b"Origin")]
        await send(message)

    return sending


async def _refuse(scope: Scope, send: Send, error: TailraceError) -> None:
    if scope["type"] == "websocket":
        # Before the upgrade was accepted, this is an HTTP response 403.
        await send({"type": "websocket.close"})
        return
    unread = [(b"connection", b"close")] if error.status in {408, 413} else ()
    await send_answer(Sender(send), problem_answer(error, unread), SECURITY_HEADERS)
