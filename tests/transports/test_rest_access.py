"""The authorisation matrix: every route with every kind of principal."""

import httpx
import pytest

from tailrace.protocol.parameters import Parameter
from tailrace.protocol.routes import ROUTES, Route
from tailrace.transports.app import make_app
from tailrace.transports.gateway import Answer
from tailrace.transports.rest import HANDLERS

SERVED = [route for route in ROUTES if route.handler in HANDLERS]
GUARDED = [route for route in SERVED if route.resource != "open"]
# What the test's principals hold on `orders`; using a topic lets one describe it.
HELD = {"reader": {"read", "describe"}, "writer": {"write", "describe"}, "nobody": set()}


def name(route):
    return f"{route.method} {route.path}"


async def ask(client, route, headers, topic="orders"):
    body = {"name": topic} if route.handler == "create_topic" else {"value": 1}
    path = route.path.format(topic=topic)
    query = {"topic": topic} if route.resource == "query" else {}
    content = {} if route.method in {"GET", "DELETE"} else {"json": body}
    return await client.request(route.method, path, headers=headers, params=query, **content)


@pytest.mark.parametrize("route", GUARDED, ids=name)
@pytest.mark.parametrize("token", ["Bearer wrong", "Basic None", ""])
async def test_without_a_known_token_it_is_401(client, route, token):
    """No route but the open ones answers a stranger."""
    answer = await ask(client, route, {"authorization": token})
    assert answer.status_code == 401
    assert "www-authenticate" in answer.headers


@pytest.mark.parametrize("who", HELD)
@pytest.mark.parametrize("route", [r for r in GUARDED if r.action and r.resource != "listed"], ids=name)
async def test_a_topic_asks_for_the_grant(client, as_, route, who):
    """403 exactly where the table's action is not held."""
    answer = await ask(client, route, as_(who))
    assert (answer.status_code == 403) == (route.action not in HELD[who])


@pytest.mark.parametrize("route", [r for r in GUARDED if r.action and r.resource != "listed"], ids=name)
async def test_a_refusal_does_not_tell_whether_the_topic_exists(client, as_, log, route):
    """The same bytes before and after the topic is made."""
    before = await ask(client, route, as_("nobody"), "secret")
    log.create("secret")
    after = await ask(client, route, as_("nobody"), "secret")
    assert before.status_code == after.status_code == 403
    assert before.content == after.content


async def test_a_list_shows_what_may_be_described(client, as_, log):
    """Other topics are not in it."""
    log.create("secret")
    seen = {}
    for who in ("root", "reader", "nobody"):
        answer = await client.get("/v1/topics", headers=as_(who))
        seen[who] = [topic["name"] for topic in answer.json()["topics"]]
    assert seen == {"root": ["orders", "secret"], "reader": ["orders"], "nobody": []}


@pytest.mark.parametrize("route", [r for r in SERVED if r.resource == "open"], ids=name)
async def test_open_routes_answer_without_identity(client, route):
    """They show nothing that needs a grant."""
    answer = await ask(client, route, {"authorization": ""})
    assert answer.status_code < 500
    assert answer.status_code != 403


async def test_a_session_takes_writes_only_from_its_own_pages(client, as_):
    """A cookie alone is not enough to write."""
    answer = await client.post("/v1/session", json={"token": "tr_root"}, headers={"authorization": ""})
    cookie = {"cookie": answer.headers["set-cookie"].partition(";")[0]}
    client.cookies.clear()
    del client.headers["authorization"]
    path = "/v1/topics/orders/records"
    foreign = await client.post(path, json={"value": 1}, headers=cookie | {"origin": "https://evil.example"})
    own = await client.post(path, json={"value": 1}, headers=cookie | {"origin": "http://gateway"})
    assert (foreign.status_code, own.status_code) == (403, 200)
    assert (await client.get("/v1/session", headers=cookie)).json()["name"] == "root"
    await client.delete("/v1/session", headers=cookie)
    assert (await client.get("/v1/session", headers=cookie)).status_code == 401


@pytest.mark.parametrize("origin", ["https://evil.example", "https://app.example", "null"])
async def test_other_sites_open_no_session(client, origin):
    """A visitor would act under a name that the other site chose; pages elsewhere carry a token."""
    login = {"json": {"token": "tr_root"}}
    answer = await client.post("/v1/session", **login, headers={"origin": origin})
    assert (answer.status_code, "set-cookie" in answer.headers) == (403, False)
    assert (
        await client.post("/v1/session", **login, headers={"origin": "http://gateway"})
    ).status_code == 200


async def test_a_login_is_small_json(client):
    """A form can't send one, and nobody's megabytes are kept before it is known who it is."""
    plain = await client.post(
        "/v1/session", content=b'{"token":"tr_root"}', headers={"content-type": "text/plain"}
    )
    large = await client.post("/v1/session", json={"token": "x" * 5000})

    async def pieces():
        for _ in range(10):
            yield b" " * 1000

    json = {"content-type": "application/json"}
    unsaid = await client.post("/v1/session", content=pieces(), headers=json)
    assert [plain.status_code, large.status_code, unsaid.status_code] == [415, 413, 413]


async def test_a_route_that_misdeclares_its_topics_gives_nothing(gateway, as_):
    """What can't be authorised fails closed."""
    once = Parameter("topic", "text", "One topic.", required=True)
    route = Route("GET", "/v1/odd", "odd", "Odd.", "query", "read", (once,))

    async def odd(_gateway, _call):
        return Answer(b"secret")

    transport = httpx.ASGITransport(app=make_app(gateway, {"odd": odd}, routes=[route]))
    async with httpx.AsyncClient(transport=transport, base_url="http://gateway") as client:
        answer = await client.get("/v1/odd?topic=hidden", headers=as_("nobody"))
    assert (answer.status_code, answer.json()["code"]) == (500, "internal")
