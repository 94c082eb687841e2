"""The HTTP server: one listening socket, our connections on it, and a stop in order."""

import asyncio
import errno
import logging
import socket
from collections.abc import Callable
from functools import partial

import uvicorn
from starlette.types import ASGIApp

from tailrace.core.errors import ConfigurationError
from tailrace.core.garbage import collect_seldom
from tailrace.core.spread import spread
from tailrace.settings import Settings
from tailrace.transports.acceptor import Acceptor
from tailrace.transports.connection import Connection, ConnectionBounds
from tailrace.transports.descriptors import connections_that_fit
from tailrace.transports.frames import frame_bytes
from tailrace.transports.idle import IdleConnections
from tailrace.transports.stop import StopDeadline, stop_on_signals
from tailrace.transports.websocket import WebSocket

_log = logging.getLogger("tailrace.server")

BACKLOG = 4096
KEEP_ALIVE_SECONDS = 75
CHECK_SECONDS = 1.0
# So many connections above their bound are told so; what comes on top of these is closed unread.
TOLD_CONNECTIONS = 64
# Bytes of a goodbye have to leave within it, then their connection is cut.
GOODBYE_SECONDS = 2.0


def listen(settings: Settings) -> socket.socket:
    """The listening socket.

    Raises:
        ConfigurationError: the address is in use, or is none of this machine.
    """
    host, port = settings.server.host, settings.server.port
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    # With the protocol named, asyncio turns off Nagle's delay on what is accepted.
    listener = socket.socket(family, socket.SOCK_STREAM, socket.IPPROTO_TCP)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    # Accepted sockets inherit it; the kernel doubles it. A stalled reader costs that much, not 4 MB.
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, settings.limits.send_buffer)
    try:
        listener.bind((host, port))
        listener.listen(BACKLOG)
    except OSError as error:
        listener.close()
        if error.errno == errno.EADDRINUSE:
            raise ConfigurationError(
                f"Port {port} of {host} is in use.", hint="Choose another with --port, or 0 for a free one."
            ) from None
        raise ConfigurationError(
            f"Cannot listen on {host}:{port}.", cause=str(error), hint="See --host and --port."
        ) from None
    listener.settimeout(0)
    return listener


class Server(uvicorn.Server):
    """Serves until a signal comes, then stops in order; a second signal ends the process at once.

    Args:
        app: the application.
        settings: bounds and deadlines.
        before_stop: refuses what is new and says goodbye to streams.
        deadline: of the stop, for whoever has more to end than this; one of its own if left out.
    """

    _ready: Callable[[], None]

    def __init__(
        self,
        app: ASGIApp,
        settings: Settings,
        before_stop: Callable[[], None],
        deadline: StopDeadline | None = None,
    ) -> None:
        bounds = ConnectionBounds(
            header_seconds=settings.deadlines.headers,
            header_bytes=settings.limits.headers,
            header_count=settings.limits.header_count,
            stalled_write_seconds=settings.deadlines.stalled_write,
            connections=connections_that_fit(
                settings.limits.connections, 2 if settings.tasklogs.folder else 1
            ),
        )
        config = uvicorn.Config(
            app,
            http=partial(Connection, bounds=bounds, idle=IdleConnections()),  # type: ignore[arg-type]
            ws=partial(WebSocket, stalled_write_seconds=bounds.stalled_write_seconds),  # type: ignore[arg-type]
            ws_max_size=frame_bytes(settings.limits.record),
            ws_per_message_deflate=False,
            loop="uvloop",
            lifespan="off",
            log_config=None,
            access_log=False,
            server_header=False,
            proxy_headers=False,
            timeout_keep_alive=KEEP_ALIVE_SECONDS,
        )
        super().__init__(config)
        self._most_connections = bounds.connections + TOLD_CONNECTIONS
        self._before_stop = before_stop
        self._deadline = deadline or StopDeadline(settings.deadlines.stop)
        self._acceptors: list[Acceptor] = []
        self.slow_peers = 0

    async def run_until_stopped(self, listener: socket.socket, ready: Callable[[], None]) -> None:
        """Serve on the socket; `ready` is called once connections are taken."""
        checking = asyncio.create_task(self._check_connections())
        self._ready = ready
        try:
            await self._serve(sockets=[listener])
        finally:
            checking.cancel()
            await asyncio.gather(checking, return_exceptions=True)

    @property
    def connections(self) -> int:
        """How many connections are open."""
        return len(self.server_state.connections)

    def take_signals(self) -> None:
        """Stop on SIGINT and SIGTERM."""
        stop_on_signals(self.ask_to_stop, self._deadline)

    def ask_to_stop(self) -> None:
        """Say goodbye to streams, let no one in any more, and come to an end."""
        if self.should_exit:
            return
        self._deadline.begin()
        _log.info("Stopping.")
        self.should_exit = True
        for acceptor in self._acceptors:
            acceptor.close()
        for connection in list(self.server_state.connections):
            if isinstance(connection, Connection):
                connection.shutdown()
        self._before_stop()

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        """Close idle connections, let what was written leave, wait for requests."""
        for acceptor in self._acceptors:
            await acceptor.wait_closed()
        seconds = self._deadline.share()
        cutting = asyncio.get_running_loop().call_later(min(GOODBYE_SECONDS, seconds), self._cut_unread)
        self.config.timeout_graceful_shutdown = seconds  # type: ignore[assignment]  # no need to be whole
        await super().shutdown(sockets)
        cutting.cancel()

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        """Take connections, and say so."""
        await super().startup([])
        self._acceptors = [
            Acceptor(listener, self._make_connection, self._has_room) for listener in sockets or ()
        ]
        collect_seldom()
        self._ready()

    def _make_connection(self) -> asyncio.Protocol:
        return self.config.http_protocol_class(  # type: ignore[call-arg]  # its base class takes none
            config=self.config, server_state=self.server_state, app_state=self.lifespan.state
        )

    def _has_room(self) -> bool:
        return self.connections < self._most_connections

    def _cut_unread(self) -> None:
        """Those that are answered and do not read the end of it keep nobody waiting."""
        for connection in list(self.server_state.connections):
            if isinstance(connection, Connection) and _leaves_unread(connection):
                connection.transport.abort()

    async def _check_connections(self) -> None:
        loop = asyncio.get_running_loop()

        def check(connection: object) -> None:
            if isinstance(connection, Connection | WebSocket):
                self.slow_peers += connection.check_deadlines(loop.time())

        while True:
            await spread(check, self.server_state.connections, CHECK_SECONDS)


def _leaves_unread(connection: Connection) -> bool:
    """Whether all has come from the client that will, and it does not take what goes back."""
    asked = connection.cycle is not None and not connection.cycle.more_body
    return connection.transport.is_closing() or (asked and connection.flow.write_paused)
