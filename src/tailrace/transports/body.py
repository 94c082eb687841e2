"""Reads whole bodies within a size and a deadline."""

import asyncio

from tailrace.core.errors import BadRequest, RequestTimeout, Stopping, TooLarge
from tailrace.transports.gateway import Call, Gateway, Message


class ClientGone(Exception):
    """The client left before its request was complete; nobody is there to be told."""


async def read_body(gateway: Gateway, call: Call, *, most: int | None = None) -> bytes:
    """The request's body.

    Raises:
        TooLarge: it is, or says that it will be, larger than `most` bytes, else than limits.body.
        RequestTimeout: it took longer than deadlines.body.
        Stopping: this process goes away, and some of it is still to come.
    """
    limit = gateway.settings.limits.body if most is None else most
    _check_declared(call.headers.get(b"content-length"), limit)
    try:
        async with asyncio.timeout(gateway.settings.deadlines.body):
            message = await call.receive()
            if message["type"] == "http.request" and not message.get("more_body"):
                return _whole([message.get("body", b"")], limit)
            return await _read_on(gateway, call, message, limit)
    except TimeoutError:
        seconds = gateway.settings.deadlines.body
        raise RequestTimeout(f"The body was not complete after {seconds:g} seconds.") from None


async def _read_on(gateway: Gateway, call: Call, message: Message, limit: int) -> bytes:
    pieces: list[bytes] = []
    size = 0
    while True:
        if message["type"] == "http.disconnect":
            raise ClientGone
        pieces.append(message.get("body", b""))
        size += len(pieces[-1])
        if size > limit or not message.get("more_body"):
            return _whole(pieces, limit)
        if gateway.stopping:
            # Its connection woke us: clients that send slowly, or nothing, do not hold up the stop.
            raise Stopping("This gateway is going away; nothing was stored.", hint="Send it again.")
        message = await call.receive()


def _whole(pieces: list[bytes], limit: int) -> bytes:
    body = pieces[0] if len(pieces) == 1 else b"".join(pieces)
    if len(body) > limit:
        raise _too_large(limit)
    return body


def _check_declared(length: bytes | None, limit: int) -> None:
    if length is None:
        return
    if not length.isdigit() or len(length) > 18:
        raise BadRequest("The Content-Length is no number.")
    if int(length) > limit:
        raise _too_large(limit)


def _too_large(limit: int) -> TooLarge:
    return TooLarge(
        f"A body has at most {limit} bytes here.",
        hint="Records may be sent as application/x-ndjson of any length; see limits.body.",
    )
