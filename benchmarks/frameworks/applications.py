"""The same small application under each framework: a typed JSON record in, its place as JSON out.

Each is written as its framework's manual would have it.
"""

import itertools
from typing import Any

import msgspec
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route
from starlette.types import ASGIApp, Receive, Scope, Send

PATH = "/v1/topics/{topic}/records"
MILLIS = 1_790_000_000_000
"""A time like any other: to ask the clock is no part of a framework."""


class Record(msgspec.Struct):
    """What is sent."""

    value: dict[str, Any]


class Place(msgspec.Struct):
    """What is answered."""

    partition: int
    offset: int
    timestamp: int


_offsets = itertools.count()
_record = msgspec.json.Decoder(Record)
_json = msgspec.json.Encoder()


def tailrace() -> ASGIApp:
    """As Tailrace does it: Starlette's compiled path, msgspec, and a whole answer to our own connection."""
    match = Route(PATH, starlette_endpoint, methods=["POST"]).path_regex.match

    async def application(scope: Scope, receive: Receive, send: Send) -> None:  # noqa: ARG001  # ASGI's form
        found = match(scope["path"])
        if found is None or scope["method"] != "POST":
            scope["tailrace.answer"](404, [(b"content-length", b"0")], b"")
            return
        scope["path_params"] = found.groupdict()
        message = await receive()
        body = message["body"]
        while message["more_body"]:
            message = await receive()
            body += message["body"]
        _record.decode(body)
        text = _json.encode(Place(0, next(_offsets), MILLIS))
        headers = [(b"content-length", b"%d" % len(text)), (b"content-type", b"application/json")]
        scope["tailrace.answer"](200, headers, text)

    return application


async def starlette_endpoint(request: Request) -> Response:
    _record.decode(await request.body())
    return Response(_json.encode(Place(0, next(_offsets), MILLIS)), media_type="application/json")


def starlette() -> ASGIApp:
    """Starlette's requests, responses and middleware, with msgspec."""
    return Starlette(routes=[Route(PATH, starlette_endpoint, methods=["POST"])])


def litestar() -> ASGIApp:
    """Litestar, whose bodies are msgspec's structs."""
    from litestar import Litestar, post  # noqa: PLC0415  # one candidate a process

    @post(PATH.replace("{topic}", "{topic:str}"), status_code=200)
    async def produce(topic: str, data: Record) -> Place:  # noqa: ARG001  # read, as the others do
        return Place(0, next(_offsets), MILLIS)

    return Litestar([produce], openapi_config=None)  # type: ignore[return-value]  # its own names of ASGI's types


def fastapi() -> ASGIApp:
    """FastAPI, whose bodies are pydantic's models."""
    from fastapi import FastAPI  # noqa: PLC0415  # one candidate a process
    from pydantic import BaseModel  # noqa: PLC0415

    class RecordModel(BaseModel):
        value: dict[str, Any]

    class PlaceModel(BaseModel):
        partition: int
        offset: int
        timestamp: int

    app = FastAPI(openapi_url=None)

    @app.post(PATH)
    async def produce(topic: str, record: RecordModel) -> PlaceModel:  # noqa: ARG001  # read, as the others do
        return PlaceModel(partition=0, offset=next(_offsets), timestamp=MILLIS)

    return app
