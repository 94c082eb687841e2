"""Browser sessions: a token for a cookie, who am I, and the end of it."""

from collections.abc import Sequence

import msgspec

from tailrace.core.errors import BadRequest, Internal, UnsupportedMedia
from tailrace.protocol.routes_bodies import GrantOut, Login, Session
from tailrace.transports.body import read_body
from tailrace.transports.errors import json_answer, media_type
from tailrace.transports.gateway import Answer, Call, Gateway, Principal

# Nobody has shown who it is yet, so nobody's megabytes are kept.
LOGIN_BYTES = 4 << 10

_decode_login = msgspec.json.Decoder(Login).decode


async def log_in(gateway: Gateway, call: Call) -> Answer:
    """Exchange a token for a cookie."""
    # Forms of other sites can send text only: this media type makes the browser ask first.
    if media_type(call.headers) != b"application/json":
        raise UnsupportedMedia("A login has to be application/json.")
    try:
        login = _decode_login(await read_body(gateway, call, most=LOGIN_BYTES))
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
        # Without the decoder's words: they could repeat a part of the token.
        raise BadRequest("The body is no login.", hint='It reads {"token": "tr_…"}.') from None
    principal, cookie = gateway.access.log_in(login.token, call.headers)
    return _session(gateway, principal, [(b"set-cookie", cookie.encode("latin-1"))])


async def who_am_i(gateway: Gateway, call: Call) -> Answer:
    """The caller's name and grants."""
    if call.principal is None:
        raise Internal("The route has no identity.")
    return _session(gateway, call.principal)


async def log_out(gateway: Gateway, call: Call) -> Answer:
    """End the session."""
    cookie = gateway.access.log_out(call.headers)
    return Answer(status=204, headers=[(b"set-cookie", cookie.encode("latin-1"))])


def _session(gateway: Gateway, principal: Principal, headers: Sequence[tuple[bytes, bytes]] = ()) -> Answer:
    grants = [GrantOut(list(actions), topic) for actions, topic in gateway.access.grants(principal)]
    return json_answer(Session(principal.name, grants), headers=headers)
