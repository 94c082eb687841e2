"""One candidate in a process of its own; event loop, parser and collector are set as in the gateway."""

import argparse
import gc
import socket
from collections.abc import Callable
from functools import partial

import uvicorn
import uvloop
from starlette.types import ASGIApp

from benchmarks.frameworks import applications, streams
from tailrace.settings import Settings
from tailrace.transports.server import BACKLOG, GARBAGE_THRESHOLDS, Server

Load = Callable[[], ASGIApp]

APPLICATIONS: dict[str, Callable[..., ASGIApp]] = {
    "tailrace": applications.tailrace,
    "starlette": applications.starlette,
    "litestar": applications.litestar,
    "fastapi": applications.fastapi,
    "asgi-stream": streams.through_asgi,
    "tailrace-stream": streams.through_connection,
}


def make(name: str, arguments: tuple[int, ...]) -> ASGIApp:
    """Make an application, with the collector set as the gateway sets it: that is no server's merit."""
    application = APPLICATIONS[name](*arguments)
    gc.collect()
    gc.freeze()
    gc.set_threshold(*GARBAGE_THRESHOLDS)
    return application


def say_ready() -> None:
    print("ready", flush=True)


def listening(port: int, send_buffer: int) -> socket.socket:
    """A socket as the gateway makes its own; at 0 the kernel chooses the send buffer, as granian lets it."""
    listener = socket.socket(socket.AF_INET, socket.SOCK_STREAM, socket.IPPROTO_TCP)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    if send_buffer:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, send_buffer)
    listener.bind(("127.0.0.1", port))
    listener.listen(BACKLOG)
    listener.settimeout(0)
    return listener


def on_tailrace(load: Load, port: int, send_buffer: int) -> None:
    """The gateway's own server and connection."""
    server = Server(load(), Settings(), before_stop=lambda: None)

    async def serve() -> None:
        server.take_signals()
        await server.run_until_stopped(listening(port, send_buffer), say_ready)

    uvloop.run(serve())


def on_uvicorn(load: Load, port: int, send_buffer: int) -> None:
    """uvicorn as it is."""
    config = uvicorn.Config(
        load(),
        http="httptools",
        loop="uvloop",
        ws="none",
        lifespan="off",
        log_config=None,
        access_log=False,
        server_header=False,
        proxy_headers=False,
        timeout_graceful_shutdown=1,
    )
    listener = listening(port, send_buffer)
    say_ready()
    uvicorn.Server(config).run(sockets=[listener])


def on_granian(load: Load, port: int, send_buffer: int) -> None:  # noqa: ARG001  # its sockets can't be told
    """granian with one worker, which is a process of its own."""
    from granian import Granian  # noqa: PLC0415  # one candidate a process
    from granian.constants import HTTPModes, Interfaces, Loops  # noqa: PLC0415

    server = Granian(
        "application",
        address="127.0.0.1",
        port=port,
        interface=Interfaces.ASGINL,
        workers=1,
        loop=Loops.uvloop,
        http=HTTPModes.http1,
        websockets=False,
        backlog=BACKLOG,
        backpressure=BACKLOG,
        log_enabled=False,
        workers_kill_timeout=1,
    )
    say_ready()
    server.serve(target_loader=load, wrap_loader=False)


SERVERS = {"tailrace": on_tailrace, "uvicorn": on_uvicorn, "granian": on_granian}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("server", choices=SERVERS)
    parser.add_argument("application", choices=APPLICATIONS)
    parser.add_argument("--port", type=int, required=True)
    parser.add_argument("--stream", type=int, nargs=2, metavar=("CLIENTS", "PAYLOADS"), default=())
    parser.add_argument("--send-buffer", type=int, default=0, metavar="BYTES", help="SO_SNDBUF")
    options = parser.parse_args()
    load = partial(make, options.application, tuple(options.stream))
    SERVERS[options.server](load, options.port, options.send_buffer)


if __name__ == "__main__":
    main()
