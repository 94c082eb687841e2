"""What one client of Socket.IO can't do to the gateway, spoken without a library."""

import asyncio
import contextlib
import json

import httpx
import pytest
import websockets
from tests.live_gateway import live_gateway, memory_ports
from tests.transports.socketio_clients import Recorder

from tailrace.core.ports import NewRecord
from tailrace.memory import MemoryLog
from tailrace.settings import Deadlines, Limits, Settings, SocketIO
from tailrace.transports.socketio import sessions
from tailrace.transports.socketio.engine import ROOM_BYTES, ROOM_PACKETS, Outbox

LIST = '42/kafka,["kafkaconsumer"]'
HANDSHAKE = "/socket.io/?EIO=4&transport=polling"


@pytest.fixture
def log():
    log = MemoryLog()
    log.create("demo", 1)
    return log


@pytest.fixture
def outboxes(monkeypatch):
    """Every client's queue, and the most that each has held."""
    most = {}
    count = Outbox._count

    def counted(outbox, more):
        count(outbox, more)
        packets, held = most.get(id(outbox), (0, 0))
        most[id(outbox)] = max(packets, outbox.qsize()), max(held, outbox._bytes)

    monkeypatch.setattr(Outbox, "_count", counted)
    return most


@pytest.fixture
async def live(log):
    async with live_gateway(memory_ports(log), Settings(limits=Limits(record=100_000))) as live:
        yield live


@pytest.fixture
async def http(live):
    async with httpx.AsyncClient(base_url=live.url, timeout=10) as http:
        yield http


def socket(live, **options):
    """A WebSocket that takes little from the network unless it is read."""
    url = f"ws://127.0.0.1:{live.port}/socket.io/?EIO=4&transport=websocket"
    return websockets.connect(url, compression=None, max_queue=1, **options)


async def joined(ws):
    await ws.recv()
    await ws.send("40/kafka,")
    assert (await ws.recv()).startswith("40/kafka,")
    assert "Connection established" in await ws.recv()
    return ws


async def lists(live):
    """Another client is served as if nothing were."""
    client = await Recorder().connect(live.url, transports=["websocket"])
    await client.emit("kafkaproducer", 1)
    assert (await client.after(1))[0][1].startswith("Error: ")
    await client.close()


async def closed(ws):
    async with asyncio.timeout(5):
        await ws.wait_closed()


@pytest.mark.parametrize(
    "packet",
    [
        '451000000-/kafka,["kafkaproducer"]',
        '4511-/kafka,["kafkaproducer"]',
        "42/kafka,[",
        "42/kafka,[]",
        "42/kafka,{}",
        "4",
        "4x",
        "49",
        "40/kafka,",
        '42/kafka,["kafkaproducer","' + "[" * 100_000,
        "42/kafka," + "[" * 100_000,
    ],
)
async def test_what_is_no_packet_ends_the_connection(live, packet):
    """The connection is closed at once, and others do not notice."""
    async with socket(live) as ws:
        await joined(ws)
        await ws.send(packet)
        await closed(ws)
    await lists(live)


async def half(ws, size):
    """Write half of a message of so many bytes."""
    head = b"\x81\xff" + size.to_bytes(8, "big") + bytes(4)
    ws.transport.write(head + b'42/kafka,["kafkaproducer","' + b"x" * (size // 2))
    return size - size // 2


async def test_before_it_is_known_who_sends_messages_are_small(live):
    """Half of a large one ends the connection, whole ones are not read as polls either."""
    async with socket(live) as ws:
        await ws.recv()
        await half(ws, 100_000)
        await closed(ws)
        assert ws.close_code == 1009
    async with httpx.AsyncClient(base_url=live.url) as http:
        session = json.loads((await http.get(HANDSHAKE)).text[1:])["sid"]
        answer = await http.post(f"{HANDSHAKE}&sid={session}", content=b"4" * 20_000)
        assert answer.status_code == 413
    await lists(live)


@pytest.mark.parametrize("transport", ["polling", "websocket"])
async def test_who_may_write_sends_large_messages(live, transport):
    """Up to the size of a record, over either transport."""
    client = await Recorder().connect(live.url, transports=[transport])
    await client.emit("kafkaproducer", "x" * 90_000)
    assert (await client.after(2))[1] == ("kafkaproducer", "x" * 90_000)
    await client.close()


async def test_messages_that_are_not_complete_have_a_bound_together(log):
    """One more has to go, and what is done or gone makes room."""
    settings = Settings(limits=Limits(record=1 << 20), socketio=SocketIO(incoming=1 << 20))
    async with live_gateway(memory_ports(log), settings) as live:
        first, second = [await joined(await socket(live)) for _ in range(2)]
        await half(first, 1_200_000)
        await half(second, 1_200_000)
        async with asyncio.timeout(5):
            done, _ = await asyncio.wait(
                [asyncio.ensure_future(ws.wait_closed()) for ws in (first, second)],
                return_when=asyncio.FIRST_COMPLETED,
            )
        assert len(done) == 1
        first.transport.abort()
        second.transport.abort()
        await lists(live)


async def test_attachments_have_a_bound_together(live):
    """Ten of them may come, but no more bytes than one message may have."""
    async with socket(live) as ws:
        await joined(ws)
        await ws.send('4510-/kafka,["kafkaproducer",{"_placeholder":true,"num":0}]')
        for _ in range(9):
            await ws.send(b"x" * 90_000)
        await closed(ws)
    await lists(live)


async def test_a_client_that_does_not_read_is_not_queued_for(live, log, outboxes):
    """Its list waits in the log; what it has not read is a few packets."""
    log.append("demo", *[b"x" * 10_000] * 3000)
    async with socket(live) as ws:
        await joined(ws)
        await ws.send(LIST)
        assert "kafkaconsumer1" in await ws.recv()
        await lists(live)
        values = 0
        while values < 3000:
            values += json.loads((await ws.recv()).partition(",")[2])[0] == "kafkaconsumer"
    assert max(packets for packets, _ in outboxes.values()) <= ROOM_PACKETS + 4
    assert max(held for _, held in outboxes.values()) <= ROOM_BYTES + 2 * 10_100


async def test_clients_that_do_not_read_take_no_turns_from_others(live, log):
    """More of them than lists go on at a time, and another client has its list all the same."""
    log.append("demo", *[b"x" * 50_000] * 200)
    slow = [await joined(await socket(live)) for _ in range(9)]
    for ws in slow:
        await ws.send(LIST)
    client = await Recorder().connect(live.url, transports=["websocket"])
    await client.emit("kafkaconsumer")
    await client.until(lambda events: len(client.values()) == 200)
    await client.close()
    for ws in slow:
        ws.transport.abort()


@pytest.mark.parametrize("packet", ["5", '42/kafka,1["kafkaconsumer"]', "40/nowhere,"])
async def test_floods_are_not_answered_into_memory(live, outboxes, packet):
    """A client that asks much and reads nothing waits itself."""
    async with socket(live) as ws:
        await joined(ws)

        async def flood():
            for _ in range(100_000):
                await ws.send(packet)

        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(flood(), 1.5)
        assert max(packets for packets, _ in outboxes.values()) <= ROOM_PACKETS + 4
        ws.transport.abort()
    await lists(live)


async def test_sessions_have_a_bound(log):
    """One more is told to come later; whoever is in stays."""
    settings = Settings(limits=Limits(connections=3))
    async with (
        live_gateway(memory_ports(log), settings) as live,
        httpx.AsyncClient(base_url=live.url) as http,
    ):
        statuses = [(await http.get(HANDSHAKE)).status_code for _ in range(4)]
    assert statuses == [200, 200, 200, 503]


async def test_one_address_does_not_take_all_sessions(log):
    """Whoever comes from elsewhere still gets in, and who leaves makes room."""
    settings = Settings(socketio=SocketIO(sessions_per_client=2))
    other = httpx.AsyncHTTPTransport(local_address="127.0.0.2")
    async with (
        live_gateway(memory_ports(log), settings) as live,
        httpx.AsyncClient(base_url=live.url) as http,
        httpx.AsyncClient(base_url=live.url, transport=other) as elsewhere,
    ):
        opened = [await http.get(HANDSHAKE) for _ in range(3)]
        assert [answer.status_code for answer in opened] == [200, 200, 503]
        assert (await elsewhere.get(HANDSHAKE)).status_code == 200
        session = json.loads(opened[0].text[1:])["sid"]
        await http.post(f"{HANDSHAKE}&sid={session}", content=b"1")
        assert (await http.get(HANDSHAKE)).status_code == 200


async def test_a_session_that_is_not_used_ends(log, monkeypatch):
    """One that connected to the namespace stays; polls alone, or nothing, are no use."""
    monkeypatch.setattr(sessions, "UNUSED_SECONDS", 0.3)
    async with live_gateway(memory_ports(log)) as live, httpx.AsyncClient(base_url=live.url) as http:
        client = await Recorder().connect(live.url, transports=["polling"])
        unused = json.loads((await http.get(HANDSHAKE)).text[1:])["sid"]
        async with asyncio.timeout(5):
            while (await http.get(f"{HANDSHAKE}&sid={unused}")).status_code != 400:
                pass
        async with socket(live) as ws, asyncio.timeout(5):
            async for _ in ws:
                pass
        await client.emit("kafkaconsumer")
        await client.after(1)
        await client.close()


async def test_of_a_handshake_only_the_identity_is_kept():
    """A head has up to 32 KB, and a session lives for hours."""
    cookie = b"a=" + b"x" * 20_000 + b"; tailrace_session=s"
    kept = sessions.identity_headers({b"x": b"x" * 20_000, b"host": b"h", b"cookie": cookie})
    assert kept == {b"host": b"h", b"cookie": b"tailrace_session=s"}


async def test_an_identity_too_large_to_keep_is_refused(http):
    """No token and no origin is that long."""
    for name in ("Authorization", "Origin", "Host"):
        assert (await http.get(HANDSHAKE, headers={name: "x" * 5000})).status_code == 400


async def test_a_slow_body_is_given_up(log):
    """The request ends at its deadline."""
    async with live_gateway(memory_ports(log), Settings(deadlines=Deadlines(body=0.2))) as live:
        reader, writer = await asyncio.open_connection("127.0.0.1", live.port)
        head = f"POST {HANDSHAKE}&sid=x HTTP/1.1\r\nhost: 127.0.0.1\r\ncontent-length: 100\r\n\r\n"
        writer.write(head.encode() + b"4")
        answer = await asyncio.wait_for(reader.read(), 5)
        writer.close()
    assert answer.startswith(b"HTTP/1.1 408")


@pytest.mark.parametrize(
    ("address", "status"),
    [
        ("/socket.io/?EIO=3&transport=polling", 400),
        ("/socket.io/?transport=polling", 400),
        ("/socket.io/", 400),
        (f"{HANDSHAKE}&j=0", 400),
        (f"{HANDSHAKE}&sid=unknown", 400),
        ("/socket.io/other", 404),
    ],
)
async def test_requests_that_are_none_of_a_client_are_refused(http, address, status):
    """An older client gets the library's words; every answer carries the headers of ours."""
    answer = await http.get(address)
    assert answer.status_code == status
    assert answer.headers["x-content-type-options"] == "nosniff"
    if "EIO=3" in address:
        assert "unsupported version" in answer.text


async def test_a_body_too_large_is_refused(http):
    """Before the library sees it."""
    answer = await http.post(f"{HANDSHAKE}&sid=x", content=b"4" * 700_000)
    assert answer.status_code == 413


async def test_stopping_ends_connections_and_takes_no_new_ones(log):
    """A client is let go so that it comes back to another gateway by itself."""
    async with live_gateway(memory_ports(log)) as live:
        client = await Recorder().connect(live.url, transports=["websocket"])
        polling = await Recorder().connect(live.url, transports=["polling"])
        live.gateway.stop()
        await client.until(lambda events: events[-1][0] == "disconnected")
        await polling.until(lambda events: events[-1][0] == "disconnected")
        async with httpx.AsyncClient(base_url=live.url) as http:
            assert (await http.get(HANDSHAKE)).status_code == 503
        await client.close()
        await polling.close()


async def test_a_list_survives_retention_under_it(live, log):
    """What is gone meanwhile is left out; the rest comes in order."""
    for number in range(400):
        log.store("demo", 0, NewRecord(b"%05d" % number + b"x" * 20_000))
    async with socket(live) as ws:
        await joined(ws)
        await ws.send(LIST)
        await ws.recv()
        log.trim("demo", 399)
        values = []
        while not values or values[-1] != 399:
            values.append(int(json.loads((await ws.recv()).partition(",")[2])[1]["data"][:5]))
    assert values == sorted(values)
