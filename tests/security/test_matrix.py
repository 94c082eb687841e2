"""Every route with every kind of caller, over real connections."""

import hashlib
import json

import pytest
from tests.transports.wire import live_gateway

from tailrace.protocol.routes import ROUTES
from tailrace.settings import GrantEntry, PrincipalEntry, Settings
from tailrace.transports.rest import HANDLERS

ACTIONS = ("read", "write", "create", "delete", "describe", "admin")
SERVED = [route for route in ROUTES if route.handler in HANDLERS or route.handler == "stream"]


def principal(name, *grants):
    digest = hashlib.sha256(f"tr_{name}".encode()).hexdigest()
    return PrincipalEntry(name, digest, tuple(GrantEntry((action,), "t") for action in grants))


PRINCIPALS = (principal("nobody"), *(principal(action, action) for action in ACTIONS))


@pytest.fixture
async def live():
    async with live_gateway(Settings(principals=PRINCIPALS)) as live:
        live.log.create("t")
        yield live


async def ask(live, route, token):
    """The status of the route's smallest good request."""
    path = route.path.format(topic="t") + ("?topic=t" if route.resource == "query" else "")
    body = b"" if route.method in {"GET", "DELETE"} else json.dumps(
        {"name": "t"} if route.handler == "create_topic" else {"value": 1}
    ).encode()  # fmt: skip
    headers = [f"Authorization: Bearer {token}"] if token else []
    if body:
        headers += ["Content-Type: application/json", f"Content-Length: {len(body)}"]
    wire = await live.connect()
    lines = [f"{route.method} {path} HTTP/1.1", "Host: 127.0.0.1", *headers, "", ""]
    wire.send("\r\n".join(lines).encode() + body)
    return (await wire.head()).status


@pytest.mark.parametrize("route", SERVED, ids=lambda route: f"{route.method} {route.path}")
@pytest.mark.parametrize("token", [None, "tr_wrong", "tr_nobody", *(f"tr_{action}" for action in ACTIONS)])
async def test_a_route_opens_to_whom_its_table_says(live, route, token):
    """No token 401, no grant 403, the grant: neither."""
    status = await ask(live, route, token)
    assert status < 500
    if route.resource == "open":
        assert status != 403
    elif token in {None, "tr_wrong"}:
        assert status == 401
    elif route.action is None or route.resource == "listed" or token == f"tr_{route.action}":
        assert status not in {401, 403}
    elif route.action != "describe":
        assert status == 403
