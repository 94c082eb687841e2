"""Who may connect to the namespace, and what it may do there."""

import hashlib

import httpx
import pytest
import socketio.exceptions
from tests.live_gateway import TOKEN, live_gateway, memory_ports
from tests.transports.socketio_clients import Recorder

from tailrace.memory import MemoryLog
from tailrace.settings import GrantEntry, PrincipalEntry, Settings, SocketIO


def principal(name, *actions):
    digest = hashlib.sha256(name.encode()).hexdigest()
    return PrincipalEntry(name, digest, (GrantEntry(actions, "demo"),) if actions else ())


PRINCIPALS = (
    principal("both", "read", "write"),
    principal("r", "read"),
    principal("w", "write"),
    principal("no"),
)


@pytest.fixture
def log():
    log = MemoryLog()
    log.create("demo", 1)
    return log


@pytest.fixture
async def live(log):
    """As `serve` with a settings file composes it."""
    async with live_gateway(memory_ports(log), Settings(principals=PRINCIPALS), dev=False) as live:
        yield live


@pytest.fixture
async def dev(log):
    async with live_gateway(memory_ports(log)) as live:
        yield live


async def connected(live, transport="websocket", **options):
    return await Recorder().connect(live.url, transports=[transport], **options)


async def answers(client, event, *payload, count):
    await client.emit(event, *payload)
    found = await client.after(count)
    await client.close()
    return found


def origin(text):
    return {"Origin": text}


@pytest.mark.parametrize("token", [None, "unknown", "no", "w"])
async def test_without_a_grant_connecting_succeeds_and_reading_is_an_error(live, token):
    """Each action answers for itself."""
    client = await connected(live, auth={"token": token} if token else None)
    assert client.events == [("logs", "Connection established")]
    ((name, said),) = await answers(client, "kafkaconsumer", count=1)
    assert (name, said[:7]) == ("logs", "Error: ")


@pytest.mark.parametrize("token", [None, "unknown", "no", "r"])
async def test_without_a_grant_nothing_is_stored(live, log, token):
    """Writing is refused before anything happens."""
    client = await connected(live, auth={"token": token} if token else None)
    ((name, said),) = await answers(client, "kafkaproducer", "x", count=1)
    assert (name, said[:7]) == ("logs", "Error: ")
    assert log.topic("demo").partitions[0].end == 0


async def test_a_token_counts_in_auth_and_in_the_header(live):
    """Pages give it in `auth`, other clients in Authorization."""
    for options in ({"auth": {"token": "both"}}, {"headers": {"Authorization": "Bearer both"}}):
        found = await answers(await connected(live, **options), "kafkaproducer", "x", count=4)
        assert found[0] == ("logs", "Added x to topic")


async def test_who_may_only_write_is_told_that_the_list_is_not_its_own(live):
    """The record is stored and said to be; the list that follows is an error."""
    found = await answers(await connected(live, auth={"token": "w"}), "kafkaproducer", "x", count=3)
    assert found[:2] == [("logs", "Added x to topic"), ("kafkaproducer", "x")]
    assert found[2][1].startswith("Error: ")


async def test_anonymous_may_use_the_topic_in_dev(dev):
    """A page of this machine needs no token there."""
    for page in (None, dev.url, "http://localhost:3000", "http://127.0.0.1:5000"):
        client = await connected(dev, headers=origin(page) if page else {})
        assert (await answers(client, "kafkaproducer", "x", count=3))[1] == ("kafkaproducer", "x")


@pytest.mark.parametrize("transport", ["polling", "websocket"])
@pytest.mark.parametrize("page", ["http://evil.example", "null", "http://127.0.0.1.evil.example", "file://"])
async def test_pages_from_elsewhere_may_not_connect(dev, transport, page):
    """Neither of another host, nor opened as a file."""
    with pytest.raises(socketio.exceptions.ConnectionError):
        await connected(dev, transport, headers=origin(page))


@pytest.mark.parametrize("page", ["http://localhost:3000", "http://127.0.0.1:1", "null"])
async def test_serve_takes_pages_of_its_own_only(live, page):
    """No other origin is allowed by default."""
    with pytest.raises(socketio.exceptions.ConnectionError):
        await connected(live, "polling", headers=origin(page))
    await (await connected(live, "polling", headers=origin(live.url))).close()


@pytest.mark.parametrize("listed", ["https://app.example", "*"])
async def test_listed_origins_connect_and_act(log, listed):
    """A page of a listed origin is as good as one of ours, in dev too."""
    settings = Settings(socketio=SocketIO(origins=(listed,)))
    async with live_gateway(memory_ports(log), settings) as live:
        client = await connected(live, headers=origin("https://app.example"))
        assert (await answers(client, "kafkaproducer", "x", count=4))[0] == ("logs", "Added x to topic")


async def test_a_page_opened_as_a_file_needs_the_flag(log):
    """With --allow-null-origin it connects and acts."""
    settings = Settings(socketio=SocketIO(allow_null_origin=True))
    async with live_gateway(memory_ports(log), settings) as live:
        client = await connected(live, headers=origin("null"))
        assert (await answers(client, "kafkaproducer", "x", count=4))[0] == ("logs", "Added x to topic")


async def test_a_rebound_name_is_not_this_machine(dev):
    """Anonymous is open to loopback names only, whatever address they lead to."""
    client = await connected(dev, headers={"Host": "rebound.example"})
    assert (await answers(client, "kafkaconsumer", count=1))[0][1].startswith("Error: ")


async def session_cookie(live, token):
    async with httpx.AsyncClient(base_url=live.url) as http:
        answer = await http.post("/v1/session", json={"token": token})
        return answer.headers["set-cookie"].partition(";")[0]


async def test_a_cookie_speaks_for_a_page_of_ours(live):
    """With polling the handshake has no Origin, but the request that brings the event has one."""
    cookie = await session_cookie(live, "both")
    for transport in ("polling", "websocket"):
        client = await connected(live, transport, headers={"Cookie": cookie, **origin(live.url)})
        assert (await answers(client, "kafkaproducer", "x", count=3))[0] == ("logs", "Added x to topic")


async def test_a_cookie_without_an_origin_does_not_write(live):
    """A write by cookie needs a page of ours behind it; reading does not."""
    client = await connected(live, headers={"Cookie": await session_cookie(live, "both")})
    await client.emit("kafkaconsumer")
    assert await client.after(1) == [("kafkaconsumer1", "")]
    assert (await answers(client, "kafkaproducer", "x", count=2))[1][1].startswith("Error: ")


async def test_a_cookie_does_not_speak_for_other_pages(log):
    """A listed origin has to bring a token: the browser's cookie is not its own."""
    settings = Settings(principals=PRINCIPALS, socketio=SocketIO(origins=("*",)))
    async with live_gateway(memory_ports(log), settings, dev=False) as live:
        cookie = await session_cookie(live, "both")
        client = await connected(live, headers={"Cookie": cookie, **origin("http://127.0.0.1:3000")})
        assert (await answers(client, "kafkaconsumer", count=1))[0][1].startswith("Error: ")


async def test_the_token_of_dev_may_use_the_topic(dev):
    """Its bearer may do everything."""
    client = await connected(dev, auth={"token": TOKEN}, headers={"Host": "elsewhere.example"})
    assert (await answers(client, "kafkaproducer", "x", count=3))[0] == ("logs", "Added x to topic")
