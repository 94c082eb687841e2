"""Records in: one, an array, a bare value; a stream goes to `produce_stream`."""

import asyncio
from collections.abc import Sequence
from functools import partial

from tailrace.core.errors import (
    BadRequest,
    Overloaded,
    TailraceError,
    TopicNotFound,
    Unavailable,
    UnknownOutcome,
    UnsupportedMedia,
)
from tailrace.core.ports import NewRecord, Outcome
from tailrace.protocol.produce import RecordParser, answer, in_order
from tailrace.transports.body import read_body
from tailrace.transports.errors import media_type, problem_answer
from tailrace.transports.gateway import Answer, Call, Gateway
from tailrace.transports.rest.produce_stream import produce_stream

# A record that no broker took is given up after 25 s; the rest is for the answer's way back.
ANSWER_SECONDS = 29.0
# An array of this many records gains more by larger batches than 2 ms cost it.
LINGERING_RECORDS = 50

_BARE = {b"application/octet-stream", b"text/plain"}


async def produce(gateway: Gateway, call: Call) -> Answer | None:
    """Store what the body holds, by its media type."""
    media = media_type(call.headers)
    if b"idempotency-key" in call.headers:
        raise BadRequest("Idempotency-Key is not known here yet.", hint="Send the request without it.")
    if media == b"application/json":
        _refuse(call, "key", "partition", "answers")
        return await _produce_json(gateway, call)
    if media == b"application/x-ndjson":
        _refuse(call, "key", "partition")
        await produce_stream(gateway, call)
        return None
    if media in _BARE:
        _refuse(call, "answers")
        return await _produce_bare(gateway, call)
    raise UnsupportedMedia(
        f"Records are not read from {media.decode('latin-1')[:80] or 'a body without Content-Type'}.",
        hint="Send application/json, application/x-ndjson, text/plain or application/octet-stream.",
    )


async def _produce_json(gateway: Gateway, call: Call) -> Answer:
    body = await read_body(gateway, call)
    parsed = RecordParser(gateway.settings.limits.record).body(body)
    if isinstance(parsed, NewRecord):
        return await _one(gateway, call.topic, parsed)
    good = [record for record in parsed if isinstance(record, NewRecord)]
    outcomes = await store(gateway, call.topic, good, linger=len(good) >= LINGERING_RECORDS) if good else ()
    return _many(in_order(parsed, outcomes))


async def _produce_bare(gateway: Gateway, call: Call) -> Answer:
    body = await read_body(gateway, call)
    key, partition = call.parameters["key"], call.parameters["partition"]
    record = RecordParser(gateway.settings.limits.record).bare(
        body, key if isinstance(key, str) else None, partition if isinstance(partition, int) else None
    )
    return await _one(gateway, call.topic, record)


def _refuse(call: Call, *names: str) -> None:
    for name in names:
        if call.parameters[name] is not None:
            raise BadRequest(
                f"The parameter {name!r} does not go with this media type.",
                hint="`key` and `partition` belong to a bare value, `answers` to a stream.",
            )


async def _one(gateway: Gateway, topic: str, record: NewRecord) -> Answer:
    (outcome,) = await store(gateway, topic, [record])
    if isinstance(outcome, TopicNotFound | Unavailable):
        return problem_answer(outcome)
    return Answer(answer(outcome))


def _many(outcomes: Sequence[Outcome]) -> Answer:
    first = next(iter(outcomes), None)
    if isinstance(first, TailraceError):
        if all(isinstance(outcome, TopicNotFound) for outcome in outcomes):
            return problem_answer(first)
        if all(isinstance(outcome, Unavailable) for outcome in outcomes):
            return Answer(_array(outcomes), 503, headers=[(b"retry-after", b"1")])
    return Answer(_array(outcomes))


def _array(outcomes: Sequence[Outcome]) -> bytes:
    return b"[%b]" % b",".join(map(answer, outcomes))


async def store(
    gateway: Gateway, topic: str, records: Sequence[NewRecord], *, linger: bool = False
) -> Sequence[Outcome]:
    """Store records and wait for every one's fate; what found no room in time is Overloaded."""
    loop = asyncio.get_running_loop()
    deadline = loop.time() + ANSWER_SECONDS
    parts: list[asyncio.Future[Sequence[Outcome]]] = []
    taken = 0
    while taken < len(records):
        part: asyncio.Future[Sequence[Outcome]] = loop.create_future()
        rest = records[taken:] if taken else records
        more = gateway.writer.append(topic, rest, partial(_decide, part), linger=linger)
        if more:
            parts.append(part)
            taken += more
        elif not taken or not await _room(gateway, deadline):
            break
    outcomes = await _outcomes(parts, deadline)
    unknown = [_undecided()] * (taken - len(outcomes))
    return [*outcomes, *unknown, *[_overloaded()] * (len(records) - taken)]


def _decide(part: asyncio.Future[Sequence[Outcome]], outcomes: Sequence[Outcome]) -> None:
    if not part.done():  # else the deadline was first
        part.set_result(outcomes)


async def _room(gateway: Gateway, deadline: float) -> bool:
    try:
        async with asyncio.timeout_at(deadline):
            await gateway.writer.writable()
    except TimeoutError:
        return False
    return True


async def _outcomes(parts: Sequence[asyncio.Future[Sequence[Outcome]]], deadline: float) -> Sequence[Outcome]:
    """The fates from the front, as far as they are known at the deadline."""
    outcomes: list[Outcome] = []
    # A timer, since asyncio.timeout takes several times as long, and every record waits here.
    timer = asyncio.get_running_loop().call_at(deadline, _give_up, parts)
    try:
        for part in parts:
            decided = await part
            if not decided:
                break
            outcomes += decided
    finally:
        timer.cancel()
    return outcomes


def _give_up(parts: Sequence[asyncio.Future[Sequence[Outcome]]]) -> None:
    for part in parts:
        _decide(part, ())  # what is missing is of unknown outcome


def _undecided() -> UnknownOutcome:
    return UnknownOutcome("The broker did not answer in time.", hint="The record may have been stored.")


def _overloaded() -> Overloaded:
    return Overloaded("Too many records are on their way to the broker.", hint="Send them again later.")
