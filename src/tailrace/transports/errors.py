"""Errors and whole answers as ASGI messages, with the headers that every response carries."""

import math
from collections.abc import Mapping

import msgspec

from tailrace.core.errors import TailraceError, Unauthenticated
from tailrace.transports.gateway import Answer, HeaderList, Sender

_POLICY = b"default-src 'none'; frame-ancestors 'none'"
_FIXED = (
    (b"x-content-type-options", b"nosniff"),
    (b"referrer-policy", b"no-referrer"),
    (b"cache-control", b"no-store"),
)
SECURITY_HEADERS = (*_FIXED, (b"content-security-policy", _POLICY))
# What pages of other origins may read beside the body.
_EXPOSED = b"Tailrace-Cursor, Tailrace-Id, Retry-After, Location"
_PREFLIGHT_SECONDS = b"600"
_CHALLENGE = (b"www-authenticate", b'Bearer realm="tailrace", Basic realm="tailrace"')


def response_headers(origin: bytes | None, origins: tuple[str, ...]) -> list[tuple[bytes, bytes]]:
    """The headers of a response to a page of this origin, or to no page."""
    headers = list(SECURITY_HEADERS)
    if not origins:
        return headers
    headers.append((b"vary", b"Origin"))
    if origin is not None and allowed_origin(origin, origins):
        # Never with credentials: pages elsewhere carry a token, not the cookie.
        headers.append((b"access-control-allow-origin", b"*" if "*" in origins else origin))
        headers.append((b"access-control-expose-headers", _EXPOSED))
    return headers


def allowed_origin(origin: bytes, origins: tuple[str, ...]) -> bool:
    """Whether pages of the origin may call; a star stands for all but `null`."""
    text = origin.decode("latin-1")
    return text in origins or ("*" in origins and text != "null")


def preflight(methods: bytes, requested: bytes | None) -> HeaderList:
    """What a page of an allowed origin may send."""
    allowed = [(b"access-control-allow-methods", methods), (b"access-control-max-age", _PREFLIGHT_SECONDS)]
    return [*allowed, (b"access-control-allow-headers", requested)] if requested else allowed


async def send_answer(send: Sender, answer: Answer, common: HeaderList, *, with_body: bool = True) -> None:
    """Send a whole response; a HEAD's goes without the body."""
    headers = [*answer.headers]
    # RFC 9110, 8.6: a 204 has neither.
    if answer.status != 204:
        headers += [(b"content-length", b"%d" % len(answer.body)), (b"content-type", answer.media)]
    if answer.policy is None:
        headers += common
    else:
        headers += [(n, answer.policy if n == b"content-security-policy" else v) for n, v in common]
    if send.whole is not None:
        send.started = True
        send.whole(answer.status, headers, answer.body if with_body else b"")
        return
    await send({"type": "http.response.start", "status": answer.status, "headers": headers})
    await send({"type": "http.response.body", "body": answer.body if with_body else b""})


def json_answer(body: object, status: int = 200, headers: HeaderList = ()) -> Answer:
    """An answer of a value or struct."""
    return Answer(msgspec.json.encode(body), status, headers=headers)


def problem_answer(error: TailraceError, headers: HeaderList = ()) -> Answer:
    """An error's response; a configuration error met late is ours, hence 500."""
    extra = list(headers)
    if error.retry_after is not None:
        extra.append((b"retry-after", b"%d" % max(1, math.ceil(error.retry_after))))
    if isinstance(error, Unauthenticated):
        extra.append(_CHALLENGE)
    return Answer(msgspec.json.encode(error.problem()), error.status, b"application/problem+json", extra)


def media_type(headers: Mapping[bytes, bytes]) -> bytes:
    """The body's media type without its parameters, in lower case."""
    return headers.get(b"content-type", b"").partition(b";")[0].strip().lower()
