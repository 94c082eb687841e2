"""Requests that try to be two, or none, or too much: no 5xx, no second answer of theirs, and it lives on."""

import asyncio
import re

import pytest
from tests.transports.wire import live_gateway

H = b"Host: 127.0.0.1\r\n"
POST = b"POST /v1/topics/t/records HTTP/1.1\r\n"
JSON = b"Content-Type: application/json\r\n"
ONE = b'{"value":1}'
END = b"\r\n"
CHUNKED = b"Transfer-Encoding: chunked\r\n"
PLAIN_POST = POST + H + JSON
CHUNKED_POST = PLAIN_POST + CHUNKED + END
BODY = b'b\r\n{"value":1}\r\n0\r\n\r\n'
SMUGGLED = b"DELETE /v1/topics/t HTTP/1.1\r\n" + H + END

# What must be refused or taken for exactly one request: (name, bytes).
PAYLOADS = {
    "CL and TE": PLAIN_POST + b"Content-Length: 4\r\n" + CHUNKED + END + BODY + SMUGGLED,
    "TE and CL": PLAIN_POST + CHUNKED + b"Content-Length: 4\r\n" + END + BODY + SMUGGLED,
    "two CL": PLAIN_POST + b"Content-Length: 11\r\nContent-Length: 0\r\n" + END + ONE + SMUGGLED,
    "CL list": PLAIN_POST + b"Content-Length: 11, 11\r\n" + END + ONE,
    "CL plus": PLAIN_POST + b"Content-Length: +11\r\n" + END + ONE,
    "CL minus": PLAIN_POST + b"Content-Length: -1\r\n" + END,
    "CL hex": PLAIN_POST + b"Content-Length: 0xb\r\n" + END + ONE,
    "CL beyond 64 bits": PLAIN_POST + b"Content-Length: 99999999999999999999999\r\n" + END,
    "CL with a space within": PLAIN_POST + b"Content-Length: 1 1\r\n" + END + ONE,
    "TE twice": PLAIN_POST + CHUNKED + CHUNKED + END + BODY,
    "TE identity": PLAIN_POST + b"Transfer-Encoding: identity\r\n" + END + BODY,
    "TE unknown": PLAIN_POST + b"Transfer-Encoding: xchunked\r\n" + END + BODY,
    "TE chunked first": PLAIN_POST + b"Transfer-Encoding: chunked, identity\r\n" + END + BODY,
    "TE with a tab": PLAIN_POST + b"Transfer-Encoding:\tchunked\r\n" + END + BODY,
    "TE with a space before the colon": PLAIN_POST + b"Transfer-Encoding : chunked\r\n" + END + BODY,
    "TE folded": PLAIN_POST + b"Transfer-Encoding:\r\n chunked\r\n" + END + BODY,
    "TE in HTTP/1.0": b"POST /v1/topics/t/records HTTP/1.0\r\n" + H + JSON + CHUNKED + END + BODY + SMUGGLED,
    "TE with a null": PLAIN_POST + b"Transfer-Encoding: chun\x00ked\r\n" + END + BODY,
    "chunk size signed": CHUNKED_POST + b'+b\r\n{"value":1}\r\n0\r\n\r\n',
    "chunk size with 0x": CHUNKED_POST + b'0xb\r\n{"value":1}\r\n0\r\n\r\n',
    "chunk size beyond 64 bits": CHUNKED_POST + b"f" * 17 + b"\r\n",
    "chunk size empty": CHUNKED_POST + b"\r\n",
    "chunk without its line end": CHUNKED_POST + b'b\r\n{"value":1}0\r\n\r\n',
    "chunk extension of 100 KB": CHUNKED_POST + b"b;x=" + b"a" * 100_000 + b'\r\n{"value":1}\r\n0\r\n\r\n',
    "trailers without end": CHUNKED_POST + b'b\r\n{"value":1}\r\n0\r\n' + b"X: 1\r\n" * 20_000,
    "a trailer that names another host": CHUNKED_POST + BODY[:-2] + b"Host: evil\r\n\r\n",
    "no Host": b"GET /livez HTTP/1.1\r\n\r\n",
    "two Hosts": b"GET /v1/topics HTTP/1.1\r\n" + H + b"Host: evil\r\n\r\n",
    "two Origins": b"GET /v1/topics HTTP/1.1\r\n" + H + b"Origin: http://127.0.0.1\r\nOrigin: null\r\n\r\n",
    "two identities": PLAIN_POST + b"Authorization: Basic Og==\r\nAuthorization: Bearer x\r\n" + END,
    "a folded Host": b"GET /v1/topics HTTP/1.1\r\nHost: evil\r\n 127.0.0.1\r\n\r\n",
    "bare line feeds": b"GET /livez HTTP/1.1\nHost: 127.0.0.1\n\n",
    "a bare carriage return": b"GET /livez HTTP/1.1\r\nX: a\rHost: evil\r\n" + H + END,
    "a null in a header": b"GET /livez HTTP/1.1\r\n" + H + b"X: a\x00b\r\n\r\n",
    "a header without a name": b"GET /livez HTTP/1.1\r\n" + H + b": x\r\n\r\n",
    "a header name with a space": b"GET /livez HTTP/1.1\r\n" + H + b"X Y: x\r\n\r\n",
    "a line without a colon": b"GET /livez HTTP/1.1\r\n" + H + b"nonsense\r\n\r\n",
    "HTTP/0.9": b"GET /livez\r\n\r\n",
    "HTTP/2 preface": b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
    "HTTP/9.9": b"GET /livez HTTP/9.9\r\n" + H + END,
    "a method of noise": b"\x00\x01\x02 / HTTP/1.1\r\n" + H + END,
    "TLS to a plain port": bytes.fromhex("16030100f8010000f40303") + b"\xaa" * 200,
    "an address with spaces": b"GET /livez and more HTTP/1.1\r\n" + H + END,
    "an address of another host": b"GET http://evil.example/livez HTTP/1.1\r\n" + H + END,
    "a path that climbs": b"GET /v1/topics/..%2f..%2fetc%2fpasswd HTTP/1.1\r\n" + H + END,
    "bytes that are no UTF-8 in the path": b"GET /v1/topics/%ff%fe HTTP/1.1\r\n" + H + END,
    "high bytes in the path": b"GET /v1/topics/\xff\xfe HTTP/1.1\r\n" + H + END,
    "a broken escape": b"GET /v1/stream?topic=%zz&from=%e2%28 HTTP/1.1\r\n" + H + END,
    "a null in a parameter": b"GET /v1/stream?topic=t%00 HTTP/1.1\r\n" + H + END,
    "a line break in a parameter": b"GET /v1/stream?topic=t%0d%0aSet-Cookie:%20a=b HTTP/1.1\r\n" + H + END,
    "ten thousand parameters": b"GET /v1/stream?" + b"topic=t&" * 3_500 + b" HTTP/1.1\r\n" + H + END,
    "a cursor of noise": b"GET /v1/stream?topic=t HTTP/1.1\r\n" + H + b"Last-Event-ID: ~2\xff\xff\r\n\r\n",
    "a cursor that is too long": (
        b"GET /v1/stream?topic=t HTTP/1.1\r\n" + H + b"Last-Event-ID: " + b"a" * 9_000 + b"\r\n\r\n"
    ),
    "CONNECT": b"CONNECT evil:443 HTTP/1.1\r\n" + H + END,
    "OPTIONS *": b"OPTIONS * HTTP/1.1\r\n" + H + END,
    "an upgrade to noise": b"GET /livez HTTP/1.1\r\n" + H + b"Connection: Upgrade\r\nUpgrade: noise\r\n\r\n",
    "a WebSocket without a key": (
        b"GET /v1/socket HTTP/1.1\r\n" + H + b"Connection: Upgrade\r\nUpgrade: websocket\r\n\r\n"
    ),
    "JSON of a hundred thousand levels": (
        PLAIN_POST + b"Content-Length: 100010\r\n\r\n" + b'{"value": ' + b"[" * 100_000
    ),
    "Expect of noise": PLAIN_POST + b"Expect: noise\r\nContent-Length: 11\r\n\r\n" + ONE,
    "Range": b"GET /livez HTTP/1.1\r\n" + H + b"Range: bytes=0-18446744073709551616\r\n\r\n",
}  # fmt: skip


@pytest.fixture
async def live():
    async with live_gateway() as live:
        live.log.create("t")
        yield live


async def answers(live, payload):
    """The statuses of what comes back until a quiet moment or the connection's end."""
    wire = await live.connect()
    said = b""
    try:
        wire.send(payload)
        async with asyncio.timeout(0.4):
            while data := await wire.reader.read(65536):
                said += data
    except (TimeoutError, ConnectionError):
        pass
    wire.close()
    return [int(status) for status in re.findall(rb"HTTP/1\.1 (\d{3}) ", said)], said


@pytest.mark.parametrize("name", PAYLOADS)
async def test_an_odd_request_is_answered_or_refused_and_hurts_nobody(live, name):
    """No 5xx, the topic of the smuggled DELETE is there, and the next request is served."""
    statuses, said = await answers(live, PAYLOADS[name])
    assert all(status < 500 for status in statuses), said[:500]
    assert b"Set-Cookie" not in said.partition(b"\r\n\r\n")[0]
    if not name.startswith("TE in HTTP/1.0"):
        assert live.log.topic("t").name == "t"
    assert (await live.get("/livez")).status == 200


@pytest.mark.parametrize(
    "name", [n for n in PAYLOADS if n.split()[0] in {"CL", "two", "no", "TE"} and n not in {"TE with a tab"}]
)
async def test_what_two_servers_could_read_in_two_ways_stores_at_most_once(live, name):
    """And never runs what was hidden behind it."""
    await answers(live, PAYLOADS[name])
    assert len(live.log.topic("t").partitions[0].records) <= 1


@pytest.mark.parametrize("name", ["two Hosts", "two Origins", "two identities"])
async def test_what_can_be_only_one_is_refused_when_there_are_two(live, name):
    """Another server on the way may have looked at the one that is not ours."""
    statuses, _ = await answers(live, PAYLOADS[name])
    assert statuses == [400]
