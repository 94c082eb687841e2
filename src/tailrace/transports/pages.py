"""The page at `/demo` with its files, and Socket.IO's client for pages of others."""

# ruff: noqa: ARG001 - all handlers have one shape, these need little of it

from collections.abc import Awaitable, Callable, Mapping, Sequence
from functools import cache
from pathlib import Path

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute, Route

from tailrace.transports.errors import SECURITY_HEADERS
from tailrace.transports.gateway import Answer, Call, Gateway, Handler

# Built from examples/browser; committed, so that Node.js is not needed to serve it.
_FOLDER = Path(__file__).with_name("page")
# All of it is our own and in files: nothing that a record holds can run.
_POLICY = (
    b"default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; img-src data:; "
    b"base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
)
_SCRIPT = "text/javascript"
_FILES = {
    "/demo.js": ("demo.js", _SCRIPT),
    "/demo.css": ("demo.css", "text/css"),
    "/socket.io.js": ("socket.io.js", _SCRIPT),
    # Where servers of Socket.IO in Node.js have it.
    "/socket.io/socket.io.js": ("socket.io.js", _SCRIPT),
}


async def demo(gateway: Gateway, call: Call) -> Answer:
    """The page of the namespace `/kafka`."""
    return Answer(_read("demo.html"), media=b"text/html; charset=utf-8", policy=_POLICY)


PAGE_HANDLERS: Mapping[str, Handler] = {"demo": demo}


def page_files() -> Sequence[BaseRoute]:
    """The files of pages; they stand before the mount of Socket.IO, whose folder holds one of them."""
    return [Route(path, _sender(name, media)) for path, (name, media) in _FILES.items()]


def _sender(name: str, media: str) -> Callable[[Request], Awaitable[Response]]:
    headers = {key.decode(): value.decode() for key, value in SECURITY_HEADERS}

    async def send(request: Request) -> Response:
        return Response(_read(name), media_type=media, headers=headers)

    return send


@cache
def _read(name: str) -> bytes:
    return (_FOLDER / name).read_bytes()
