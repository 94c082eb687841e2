"""The gateway about itself: health, figures, and the interface as a document and a page."""

# ruff: noqa: ARG001 - all handlers have one shape, these need little of it

import asyncio
from functools import cache
from importlib.metadata import version

import msgspec

from tailrace.core.errors import BrokerUnavailable, Stopping
from tailrace.protocol.openapi import document, page
from tailrace.protocol.routes import ROUTES
from tailrace.telemetry.registry import CONTENT_TYPE
from tailrace.transports.gateway import Answer, Call, Gateway

STRICT_SECONDS = 5.0

_OK = Answer(b'{"status":"ok"}')
# The page has one inline style and nothing else.
_PAGE_POLICY = b"default-src 'none'; style-src 'unsafe-inline'; frame-ancestors 'none'"


async def live(gateway: Gateway, call: Call) -> Answer:
    """The process runs."""
    return _OK


async def ready(gateway: Gateway, call: Call) -> Answer:
    """Requests are served; `strict` asks the broker too."""
    if gateway.stopping:
        raise Stopping("This gateway is going away.")
    if call.parameters["strict"]:
        await _ask_broker(gateway)
    return _OK


async def _ask_broker(gateway: Gateway) -> None:
    try:
        async with asyncio.timeout(STRICT_SECONDS):
            await gateway.reader.topic_names()
    except TimeoutError:
        raise BrokerUnavailable(f"No broker answered within {STRICT_SECONDS:g} seconds.") from None


async def metrics(gateway: Gateway, call: Call) -> Answer:
    """The figures as Prometheus reads them."""
    return Answer(gateway.exposition.text(), media=CONTENT_TYPE.encode())


async def openapi(gateway: Gateway, call: Call) -> Answer:
    """The OpenAPI document."""
    return Answer(_document())


async def docs(gateway: Gateway, call: Call) -> Answer:
    """The interface as a page."""
    return Answer(_page(), media=b"text/html; charset=utf-8", policy=_PAGE_POLICY)


@cache
def _document() -> bytes:
    return msgspec.json.encode(document(ROUTES, version("tailrace")))


@cache
def _page() -> bytes:
    return page(ROUTES).encode()


async def home(gateway: Gateway, call: Call) -> Answer:
    """To the page; relative, so that it is right behind a proxy that adds a path."""
    return Answer(status=307, headers=[(b"location", b"demo")])
