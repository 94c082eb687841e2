"""Topics: list, make, describe, change, delete. The admin port is synchronous, so each runs in a thread."""

import asyncio
from typing import TypeVar

import msgspec

from tailrace.core.errors import BadRequest, Forbidden, UnsupportedMedia
from tailrace.core.ports import NewTopic
from tailrace.protocol.routes_bodies import TopicChange, TopicIn, TopicList, topic_form, topic_row
from tailrace.transports.body import read_body
from tailrace.transports.errors import json_answer, media_type
from tailrace.transports.gateway import Answer, Call, Gateway

# A name and some settings; who may set them is asked only when they are known.
TOPIC_BYTES = 64 << 10

T = TypeVar("T")

_topic_in = msgspec.json.Decoder(TopicIn)
_topic_change = msgspec.json.Decoder(TopicChange)


async def list_topics(gateway: Gateway, call: Call) -> Answer:
    """The topics that the caller may describe, by name."""
    details = await asyncio.to_thread(gateway.admin.list_topics)
    rows = [topic_row(detail) for detail in details if _may_describe(gateway, call, detail.name)]
    return json_answer(TopicList(sorted(rows, key=lambda row: row.name)))


async def create_topic(gateway: Gateway, call: Call) -> Answer:
    """Make a topic and show it."""
    wanted = await _body(gateway, call, _topic_in)
    _authorize(gateway, call, wanted.name)
    new = NewTopic(wanted.name, wanted.partitions, wanted.replicas, wanted.config)
    await asyncio.to_thread(gateway.admin.create, [new])
    location = f"/v1/topics/{wanted.name}".encode()
    return await _shown(gateway, wanted.name, status=201, location=location)


async def describe_topic(gateway: Gateway, call: Call) -> Answer:
    """One topic in full."""
    return await _shown(gateway, call.topic)


async def change_topic(gateway: Gateway, call: Call) -> Answer:
    """Grow it, then set values; a value that is refused leaves the growth."""
    change = await _body(gateway, call, _topic_change)
    if change.partitions is None and not change.config:
        raise BadRequest("The change is empty.", hint='Name "partitions", "config", or both.')
    if change.partitions is not None:
        await asyncio.to_thread(gateway.admin.grow, call.topic, change.partitions)
    if change.config:
        await asyncio.to_thread(gateway.admin.configure, call.topic, change.config)
    return await _shown(gateway, call.topic)


async def delete_topic(gateway: Gateway, call: Call) -> Answer:
    """Delete it with its records."""
    await asyncio.to_thread(gateway.admin.delete, call.topic)
    return Answer(status=204)


async def _shown(gateway: Gateway, name: str, status: int = 200, location: bytes | None = None) -> Answer:
    detail = await asyncio.to_thread(gateway.admin.describe, name)
    headers = [(b"location", location)] if location else []
    return json_answer(topic_form(detail), status, headers)


async def _body(gateway: Gateway, call: Call, decoder: msgspec.json.Decoder[T]) -> T:
    if media_type(call.headers) != b"application/json":
        raise UnsupportedMedia("The body has to be application/json.")
    body = await read_body(gateway, call, most=TOPIC_BYTES)
    try:
        return decoder.decode(body)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError) as error:
        raise BadRequest("The body is not as it should be.", cause=str(error), hint="See /docs.") from None


def _authorize(gateway: Gateway, call: Call, topic: str) -> None:
    if call.principal and call.route.action:
        gateway.access.authorize(call.principal, call.route.action, topic)


def _may_describe(gateway: Gateway, call: Call, topic: str) -> bool:
    try:
        _authorize(gateway, call, topic)
    except Forbidden:
        return False
    return True
