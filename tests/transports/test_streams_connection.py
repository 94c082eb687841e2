"""What a connection may cost: silence, dribble, size and slowness have bounds and deadlines."""

import asyncio
import gc
import json
import time
from dataclasses import replace

import pytest
from tests.transports.wire import live_gateway, ndjson_events

from tailrace.core.subscription import Subscription
from tailrace.settings import Settings
from tailrace.transports import server
from tailrace.transports.sink import HttpSink

HOST = b"Host: 127.0.0.1\r\n"
LIVEZ = b"GET /livez HTTP/1.1\r\n" + HOST + b"\r\n"


def short(**deadlines):
    """Settings whose deadlines pass within a test."""
    base = Settings()
    deadlines = {"headers": 0.3, "body": 0.5, "stalled_write": 1.0} | deadlines
    limits = replace(base.limits, body=100_000, send_buffer=16_384)
    return replace(base, deadlines=replace(base.deadlines, **deadlines), limits=limits)


@pytest.fixture
async def live():
    async with live_gateway(short()) as live:
        live.log.create("t", 2)
        yield live


async def drip(wire, pieces, seconds=10.0):
    """Send a piece every 100 ms until the server closes; what it said."""
    said = asyncio.ensure_future(wire.closed())
    end = time.monotonic() + seconds
    while not said.done() and time.monotonic() < end:
        wire.send(pieces)
        await asyncio.wait([said], timeout=0.1)
    assert said.done(), "the connection is still open"
    return said.result()


async def test_a_silent_connection_is_closed_at_the_deadline(live):
    """Nothing was sent: 408 and out."""
    wire = await live.connect()
    assert (await wire.closed()).startswith(b"HTTP/1.1 408")


async def test_dribbled_headers_are_closed_at_the_deadline(live):
    """Each byte does not buy more time."""
    wire = await live.connect()
    wire.send(b"GET /livez HTTP/1.1\r\nX-Slow: ")
    assert (await drip(wire, b"a")).startswith(b"HTTP/1.1 408")


async def test_blank_lines_between_requests_buy_no_time(live):
    """They stop the keep-alive timer, so they have to start the next request's."""
    wire = await live.connect()
    wire.send(LIVEZ)
    await (await wire.head()).rest()
    wire.send(b"\r\n")
    await wire.closed()


async def test_a_body_that_goes_on_behind_its_answer_is_cut(live):
    """An answer was given unread, for want of a grant or a route; the rest may not come for ever."""
    wire = await live.connect()
    wire.send(b"POST /nowhere HTTP/1.1\r\n" + HOST + b"Content-Length: 1000000\r\n\r\n")
    assert (await wire.head()).status == 404
    await wire.rest()
    await drip(wire, b"a")


async def test_a_body_that_does_not_come_is_408(live):
    """An ordinary body has a deadline."""
    wire = await live.connect()
    head = b"POST /v1/topics/t/records HTTP/1.1\r\n" + HOST + b"Content-Type: application/json\r\n"
    wire.send(head + b'Content-Length: 100\r\n\r\n{"value"')
    assert (await wire.head()).status == 408


async def test_a_huge_body_is_413_before_it_is_sent(live):
    """Its length says enough."""
    wire = await live.connect()
    head = b"POST /v1/topics/t/records HTTP/1.1\r\n" + HOST + b"Content-Type: application/json\r\n"
    wire.send(head + b"Content-Length: 99999999999\r\n\r\n")
    assert (await wire.head()).status == 413
    assert wire.headers["connection"] == "close"


async def test_a_body_of_unknown_length_is_413_when_it_is_too_large(live):
    """Counted as it comes."""
    wire = await live.connect()
    head = b"POST /v1/topics/t/records HTTP/1.1\r\n" + HOST + b"Content-Type: application/json\r\n"
    wire.send(head + b"Transfer-Encoding: chunked\r\n\r\n" + b"4000\r\n" + b" " * 0x4000 + b"\r\n" * 1)
    for _ in range(10):
        wire.send(b"4000\r\n" + b" " * 0x4000 + b"\r\n")
    assert (await wire.head()).status == 413


async def test_a_hundred_headers_pass_and_one_more_is_431(live):
    """The count is bounded, whatever their size."""
    for count, status in ((99, 200), (100, 431)):
        wire = await live.connect()
        wire.send(
            b"GET /livez HTTP/1.1\r\n" + HOST + b"".join(b"X-%d: 1\r\n" % n for n in range(count)) + b"\r\n"
        )
        assert (await wire.head()).status == status


@pytest.mark.parametrize("piece", [1000, 4096, 1 << 20])
async def test_headers_of_30_kib_pass_and_of_40_do_not_however_they_are_cut(live, piece):
    """The bound does not depend on packets."""
    for size, status in ((30_000, 200), (40_000, 431)):
        wire = await live.connect()
        headers = b"".join(b"X-%02d: %b\r\n" % (n, b"a" * (size // 30 - 8)) for n in range(30))
        data = b"GET /livez HTTP/1.1\r\n" + HOST + headers + b"\r\n"
        for at in range(0, len(data), piece):
            wire.send(data[at : at + piece])
            await asyncio.sleep(0)
        assert (await wire.head()).status == status


@pytest.mark.parametrize("what", [b"GET /livez?%b HTTP/1.1\r\n", b"GET /livez HTTP/1.1\r\nX: %b\r\n"])
async def test_a_megabyte_in_the_head_is_431(live, what):
    """In one header, or in the address."""
    wire = await live.connect()
    wire.send(what % (b"a" * (1 << 20)) + HOST + b"\r\n")
    assert (await wire.head()).status == 431


async def test_an_upgrade_to_http_2_is_ignored(live):
    """Java's client asks for it by the way, on each first request."""
    wire = await live.get(
        "/livez", "Connection: Upgrade, HTTP2-Settings", "Upgrade: h2c", "HTTP2-Settings: AAMAAABk"
    )
    assert wire.status == 200
    await wire.closed()


async def test_a_trailer_is_no_header(live):
    """It came behind what proxies check."""
    wire = await live.connect()
    wire.send(
        b"POST /v1/topics/t/records HTTP/1.1\r\n" + HOST + b"Content-Type: application/json\r\n"
        b"Transfer-Encoding: chunked\r\n\r\nb\r\n{\"value\":1}\r\n0\r\nContent-Type: text/plain\r\n\r\n"
    )  # fmt: skip
    assert (await wire.head()).status == 200
    assert live.log.topic("t").partitions[0].records[-1:] or live.log.topic("t").partitions[1].records[-1:]
    stored = [r.value for p in live.log.topic("t").partitions for r in p.records]
    assert stored == [b"1"]


async def test_garbage_behind_a_request_is_not_its_answer(live):
    """The first response is the first request's, or none."""
    wire = await live.connect()
    wire.send(b"GET /v1/topics/t/records?wait=1 HTTP/1.1\r\n" + HOST + b"\r\nGARBAGE\r\n\r\n")
    assert not (await wire.closed()).startswith(b"HTTP/1.1 400")


async def test_half_a_request_behind_a_stream_does_not_break_it(live):
    """Its deadline begins when the stream has ended."""
    wire = await live.connect()
    wire.send(b"GET /v1/stream?topic=t HTTP/1.1\r\n" + HOST + b"\r\nGET /livez HTT")
    await wire.head()
    end = time.monotonic() + 2.5
    while time.monotonic() < end:
        live.log.append("t", b"1")
        assert await wire.more()
        await asyncio.sleep(0.05)
    assert {kind for kind, _ in ndjson_events(wire.body)} == {"record", "cursor"}


async def test_much_data_behind_a_stream_is_cut(live):
    """Nobody reads it before the stream has ended."""
    wire = await live.get("/v1/stream?topic=t")
    said = asyncio.ensure_future(wire.closed())
    for _ in range(100):
        wire.send(b"a" * 4096)
        await asyncio.wait([said], timeout=0.01)
    await said


async def test_a_reader_that_never_reads_is_cut_after_the_deadline(live):
    """And what waits for it in this process is bounded meanwhile."""
    wire = await live.get("/v1/stream?topic=t", receive_buffer=4096)
    wire.writer.transport.pause_reading()
    most = 0
    end = time.monotonic() + 10
    while live.hub.streams and time.monotonic() < end:
        live.log.append("t", *[b'"%01000d"' % 1] * 200)
        await asyncio.sleep(0.02)
        transports = [stream._sink._connection.transport for stream in live.hub.streams]
        most = max([most, *(transport.get_write_buffer_size() for transport in transports)])
    assert not live.hub.streams
    assert 0 < most < 1_000_000


async def test_a_client_that_leaves_leaves_nothing_behind(live):
    """Its stream ends with its connection."""
    wires = [await live.get("/v1/stream?topic=t") for _ in range(20)]
    assert len(live.hub.streams) == 20
    for wire in wires:
        wire.close()
    async with asyncio.timeout(5):
        while live.hub.streams:  # noqa: ASYNC110
            await asyncio.sleep(0.01)


async def test_a_head_request_of_a_stream_is_not_endless(live):
    """405 and the methods that there are."""
    wire = await live.get("/v1/stream?topic=t", method="HEAD")
    assert wire.status == 405
    assert "GET" in wire.headers["allow"]


async def test_values_are_bare_and_a_gap_breaks_them_off(live):
    """No word of control stands between them: the start is in a header, a gap cuts the body."""
    live.log.append("t", b"a", b"b\n", None)
    wire = await live.get("/v1/stream?topic=t&from=beginning&to=end&format=value")
    assert await wire.rest() == b"a\nb\n\n\n"
    assert wire.headers["tailrace-cursor"].endswith(":0@0,1@0")
    assert wire.whole
    live.log.trim("t", 2)
    cut = await live.get("/v1/stream?topic=t&from=t:0@0,1@0&to=end&format=value")
    await cut.rest()
    assert not cut.whole


@pytest.mark.parametrize(
    ("accept", "media"),
    [
        ("", "application/x-ndjson"),
        ("*/*", "application/x-ndjson"),
        ("text/event-stream", "text/event-stream; charset=utf-8"),
        ("text/html;q=0.1, text/event-stream;q=0.9, */*;q=0.5", "text/event-stream; charset=utf-8"),
    ],
)
async def test_the_form_is_negotiated(live, accept, media):
    """By Accept, in the client's order of weight."""
    wire = await live.get("/v1/stream?topic=t", *([f"Accept: {accept}"] if accept else []))
    assert wire.headers["content-type"] == media
    assert wire.headers["cache-control"] == "no-store"
    assert wire.headers["x-accel-buffering"] == "no"


async def test_what_cannot_be_given_is_406(live):
    """With the forms that can."""
    wire = await live.get("/v1/stream?topic=t", "Accept: text/csv")
    assert wire.status == 406
    assert "ndjson" in json.loads(await wire.rest() and wire.body)["hint"]


async def test_an_event_stream_past_its_end_is_204(live):
    """Nothing else stops an EventSource from coming again."""
    live.log.append("t", b"1", b"2")
    again = await live.get("/v1/stream?topic=t&to=t:0@2&format=sse", "Last-Event-ID: t:0@2,1@0")
    assert again.status == 204


async def test_an_event_stream_at_its_end_is_still_told_of_a_gap(live):
    """The topic was made again and is empty: 204 would hide what is lost."""
    live.log.append("t", b"1", b"2")
    stream = await (await live.read("sse", "topic=t&from=beginning&to=end")).end()
    live.log.delete("t")
    live.log.create("t", 2)
    again = await live.read("sse", "topic=t&to=end", f"Last-Event-ID: {stream.cursor}")
    assert again.wire.status == 200
    assert {gap["cause"] for gap in (await again.end()).of("gap")} == {"recreated"}
    last = await live.get("/v1/stream?topic=t&to=end&format=sse", f"Last-Event-ID: {again.cursor}")
    assert last.status == 204


async def test_one_topic_of_few_partitions_has_the_cursor_on_each_record(live):
    """Any other stream has it once a write, as a block of only an id."""
    live.log.create("wide", 9)
    for topic, kind in (("t", "record"), ("wide", "write")):
        live.log.append(topic, b"1", b"2")
        wire = await live.get(f"/v1/stream?topic={topic}&from=beginning&to=end&format=sse")
        blocks = (await wire.rest()).split(b"\n\n")
        assert wire.headers["tailrace-id"] == kind
        assert blocks[0] == b"retry: 1000"
        records = [block for block in blocks if b'data: {"topic"' in block]
        assert all(block.startswith(b"id: ") == (kind == "record") for block in records)
        bare = [block for block in blocks if block.startswith(b"id: ") and b"\n" not in block]
        assert bare


async def test_a_cursor_longer_than_a_header_takes_is_left_out_of_it():
    """NDJSON tells it in the body; the other forms have no other place for it."""
    base = Settings()
    async with live_gateway(replace(base, limits=replace(base.limits, cursor=20))) as live:
        live.log.create("t", 8)
        ndjson = await live.get("/v1/stream?topic=t")
        assert (ndjson.status, "tailrace-cursor" in ndjson.headers) == (200, False)
        for bounded in ("value", "sse"):
            refused = await live.get(f"/v1/stream?topic=t&format={bounded}")
            assert refused.status == 400
            assert b"format=ndjson" in await refused.rest()


@pytest.mark.parametrize("path", ["/v1/topics", "/v1/stream?topic=t&format=sse"])
async def test_a_connection_above_the_bound_is_told_so(path):
    """As a problem like any other, with when to come again; one that leaves makes room."""
    base = Settings()
    async with live_gateway(replace(base, limits=replace(base.limits, connections=2))) as live:
        live.log.create("t")
        first, _ = [await live.get("/v1/stream?topic=t") for _ in range(2)]
        refused = await live.get(path)
        assert (refused.status, refused.headers["retry-after"]) == (503, "1")
        assert refused.headers["content-type"] == "application/problem+json"
        assert json.loads(await refused.rest() and refused.body)["code"] == "overloaded"
        assert await refused.closed() == b""
        first.close()
        async with asyncio.timeout(5):
            while (await live.get(path)).status == 503:
                pass


async def test_the_connection_that_is_idle_longest_makes_room():
    """Who keeps many alive and asks nothing takes nobody's place; one that waits for its answer stays."""
    base = Settings()
    async with live_gateway(replace(base, limits=replace(base.limits, connections=3))) as live:
        live.log.create("t")
        busy = await live.get("/v1/stream?topic=t")
        longest, other = [await live.get("/livez") for _ in range(2)]
        for wire in (longest, other):
            await wire.rest()
        assert (await live.get("/livez")).status == 200
        assert await longest.closed() == b""
        assert (await live.get("/livez", wire=other)).status == 200
        live.log.append("t", b"1")
        await busy.until(lambda: b'"value":1' in busy.body)


async def test_connections_far_above_the_bound_are_closed_unread(monkeypatch):
    """A process has only so many file descriptors, and Kafka needs some of them."""
    monkeypatch.setattr(server, "TOLD_CONNECTIONS", 1)
    base = Settings()
    async with live_gateway(replace(base, limits=replace(base.limits, connections=1))) as live:
        live.log.create("t")
        await live.get("/v1/stream?topic=t")
        await live.connect()
        assert await (await live.connect()).closed() == b""
        assert live.server.connections == 2


async def test_a_request_refused_in_its_body_writes_nothing_more(live, caplog):
    """Its application was still waiting for the rest, and had an answer of its own."""
    wire = await live.connect()
    head = b"POST /v1/topics/t/records HTTP/1.1\r\n" + HOST + b"Content-Type: application/json\r\n"
    wire.send(head + b"Transfer-Encoding: chunked\r\n\r\n2\r\n[{\r\nno length\r\n")
    said = await wire.closed()
    assert said.startswith(b"HTTP/1.1 400")
    assert said.count(b"HTTP/1.1 4") == 1
    assert not [record for record in caplog.records if record.levelname == "ERROR"]


async def test_a_refusal_is_no_answer_to_the_request_before(live):
    """Two wait behind each other, and the second one's body is garbage."""
    wire = await live.connect()
    wire.send(b"GET /v1/topics/t/records?wait=1 HTTP/1.1\r\n" + HOST + b"\r\n")
    wire.send(b"POST /v1/topics/t/records HTTP/1.1\r\n" + HOST + b"Transfer-Encoding: chunked\r\n\r\nno\r\n")
    assert not (await wire.closed()).startswith(b"HTTP/1.1 400")


async def test_a_stream_that_has_ended_waits_for_no_collector(live):
    """Its sink and it know each other for as long as it goes on; its connection may stay for hours."""
    live.log.append("t", b"1")
    gc.collect()
    gc.disable()
    try:
        wire = await live.get("/v1/stream?topic=t&from=beginning&limit=1")
        await wire.rest()
        wire.send(LIVEZ)
        await (await wire.head()).rest()
        assert not [held for held in gc.get_objects() if isinstance(held, HttpSink | Subscription)]
    finally:
        gc.enable()


def waiting(live):
    """How many requests wait behind another one, on the fullest connection."""
    return max((len(connection.pipeline) for connection in live.server.server_state.connections), default=0)


async def test_pipelined_requests_are_all_answered_in_their_order(live):
    """More than are parsed at once, some with bodies that are cut anywhere."""
    wire = await live.connect()
    post = b"POST /v1/topics/t/records HTTP/1.1\r\n" + HOST + b"Content-Type: application/json\r\n"
    for number in range(600):
        body = b'{"value":%d,"partition":0}' % number
        wire.send(post + b"Content-Length: %d\r\n\r\n" % len(body) + body + LIVEZ)
    most = 0
    for number in range(600):
        answer = json.loads(await (await wire.head()).rest())
        assert answer["offset"] == number
        assert (await wire.head()).status == 200
        await wire.rest()
        most = max(most, waiting(live))
    assert 0 < most < 300


async def test_an_upgrade_behind_a_request_is_none(live):
    """Its frames would begin before the answer to that one, or in the middle of it."""
    wire = await live.connect()
    wire.send(b"GET /v1/topics/t/records?wait=1 HTTP/1.1\r\n" + HOST + b"\r\n")
    wire.send(b"GET /livez HTTP/1.1\r\n" + HOST + b"Connection: Upgrade\r\nUpgrade: websocket\r\n\r\n")
    assert b"records" in await (await wire.head()).rest()
    assert (await wire.head()).status == 200
    assert wire.headers["connection"] == "close"
    await wire.rest()
    assert await wire.closed() == b""


async def test_who_leaves_with_requests_waiting_leaves_no_error_in_the_log(live, caplog):
    """The one that is answered then is none of those that were read last."""
    for path in (b"/livez", b"/v1/topics/t/records?wait=1", b"/v1/stream?topic=t"):
        wire = await live.connect()
        wire.send(b"GET " + path + b" HTTP/1.1\r\n" + HOST + b"\r\n" + LIVEZ * 50)
        await asyncio.sleep(0)
        wire.close()
    async with asyncio.timeout(5):
        while live.server.connections or live.server.server_state.tasks:  # noqa: ASYNC110
            await asyncio.sleep(0.01)
    assert not [record for record in caplog.records if record.levelname == "ERROR"]


async def test_who_pipelines_without_reading_is_not_read_either(live):
    """And is cut when nothing has left within the deadline, however much was asked for."""
    wire = await live.connect(receive_buffer=4096)
    wire.writer.transport.pause_reading()
    wire.send(LIVEZ * 100_000)
    (connection,) = live.server.server_state.connections
    held = unsent = 0
    async with asyncio.timeout(10):
        while connection in live.server.server_state.connections:
            held = max(held, len(connection._held))
            unsent = max(unsent, connection.transport.get_write_buffer_size())
            await asyncio.sleep(0.01)
    assert waiting(live) < 300
    assert 0 < held <= 512 * 1024
    assert 0 < unsent < 100_000
