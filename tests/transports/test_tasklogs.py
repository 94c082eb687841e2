"""GET /api/v1/logs on a log in memory."""

import asyncio
import hashlib
import json
import os
import socket
import struct
from dataclasses import replace
from pathlib import Path

import pytest
from tests.transports.wire import basic, live_gateway

from tailrace.auth import declared
from tailrace.core.errors import BrokerUnavailable
from tailrace.memory import MemoryLog, MemoryReader
from tailrace.settings import GrantEntry, PrincipalEntry, Settings, TaskLogs
from tailrace.transports.sink import HttpSink
from tailrace.transports.tasklogs import stream as streams
from tailrace.transports.tasklogs import watch


def principal(name, *grants):
    return PrincipalEntry(name, hashlib.sha256(f"tr_{name}".encode()).hexdigest(), grants)


PEOPLE = (principal("ann"), principal("bob"), principal("root", GrantEntry(("read",), "*")))
IDLE = 0.3
OWNERS = {"job": "ann", "new": "ann", "b.job": "bob"}


def log(text):
    return json.dumps({"log": text}).encode()


async def until(condition):
    async with asyncio.timeout(5):
        while not condition():  # noqa: ASYNC110 - nobody tells
            await asyncio.sleep(0.01)


def answers_within(wire, seconds):
    return asyncio.wait_for(wire.rest(), seconds)


@pytest.fixture
def folder(tmp_path):
    for task in OWNERS:
        (tmp_path / "logs" / task).mkdir(parents=True)
    return tmp_path / "logs"


@pytest.fixture
def file(folder):
    return folder / "job" / "worker.log"


@pytest.fixture
def settings(folder):
    return Settings(
        principals=PEOPLE,
        owners=OWNERS,
        tasklogs=TaskLogs(folder=str(folder), idle=IDLE, codes=("404=1404",)),
    )


class AwayReader(MemoryReader):
    """A log whose brokers are away until told otherwise."""

    def __init__(self, log):
        super().__init__(log)
        self.away, self.refused = False, []

    async def describe(self, topics):
        if self.away:
            self.refused.append(asyncio.get_running_loop().time())
            raise BrokerUnavailable("No broker.")
        return await super().describe(topics)

    async def latest(self, topic):
        await self.describe([topic])
        return await super().latest(topic)


@pytest.fixture
async def live(settings):
    memory = MemoryLog()
    async with live_gateway(settings, memory, heartbeat=0.4, reader=AwayReader(memory)) as live:
        live.reader = live.hub.reader
        live.log.create("job", 2)
        yield live


async def ask(live, query="", *headers, who="ann", task="job", shown=None):
    shown = f"Authorization: {shown or f'Basic tr_{who}'}"
    return await live.get(f"/api/v1/logs?method=kafka&id={task}{query}", shown, *headers)


def accept(media):
    return f"Accept: {media}"


NDJSON = accept("application/x-ndjson")


def said(wire):
    """The lines of an NDJSON body, each with the cursor that came after it."""
    waiting, found = [], []
    for row in map(json.loads, wire.body.splitlines()):
        if "line" in row:
            waiting.append(row["line"])
        elif "cursor" in row:
            found += [(line, row["cursor"]) for line in waiting]
            waiting.clear()
    return found


def lines(wire):
    return [line for line, _ in said(wire)]


# -- the default form


async def test_the_file_s_lines_then_the_topic_s(live, file):
    """In the form that existing clients read, and to its own end."""
    file.write_bytes(b"one\ntwo\nthr")
    live.log.append("job", log("\nfour\n"), log("five\nsix\r\n"), None, log("\n"), b'{"x":1}', b"\xff")
    wire = await ask(live)
    assert (wire.status, wire.headers["content-type"]) == (200, "multipart/x-mixed-replace")
    assert wire.headers["cache-control"] == "no-store"
    assert wire.headers["x-accel-buffering"] == "no"
    assert wire.headers["transfer-encoding"] == "chunked"
    assert "content-encoding" not in wire.headers
    body = await wire.rest()
    assert body == b'one\r\ntwo\r\nthr\r\nfour\r\nfive\r\nsix\r\r\n\r\n{"x":1}\r\n\xff\r\n'
    assert wire.whole


async def test_chunks_hold_whole_lines_of_at_most_512_bytes(live, file):
    """A longer one goes alone, and its CR LF is never cut for who reads 512 bytes at a time."""
    sizes = [*range(500, 530), 1020, 1021, 1022, 1023, 1024, 5000, *range(60)]
    file.write_bytes(b"".join(b"x" * size + b"\n" for size in sizes))
    wire = await ask(live)
    seen, pieces = 0, []
    while await wire.more():
        chunk, seen = wire.body[seen:], len(wire.body)
        assert len(chunk) <= 512 or chunk.strip(b"\r\n").isalpha()
        pieces += [chunk[at : at + 512] for at in range(0, len(chunk), 512)]
    assert not any(piece.endswith(b"\r") for piece in pieces)
    assert wire.body == b"".join(b"x" * size + b"\r\n" for size in sizes)


async def test_the_head_comes_at_once(live):
    """Before there is a line."""
    wire = await asyncio.wait_for(ask(live, "&idle=30"), 1)
    assert wire.status == 200


async def test_file_lines_do_not_wait_for_kafka(live, file):
    """Nor for a broker at all; the end of waiting is one last line."""
    file.write_bytes(b"one\n")
    live.reader.away = True
    wire = await ask(live)
    await asyncio.wait_for(wire.until(lambda: wire.body == b"one\r\n"), 2)


@pytest.mark.parametrize("media", ["", "*/*", "text/plain"])
async def test_a_broker_that_stays_away_is_said(live, file, monkeypatch, media):
    """In one last line, and the body ends cleanly."""
    monkeypatch.setattr(streams, "AWAY_SECONDS", 0.5)
    file.write_bytes(b"one\n")
    live.reader.away = True
    wire = await ask(live, "", *([accept(media)] if media else []))
    body = await answers_within(wire, 8)
    assert body.split() == [b"one", *b"[tailrace] The broker has been away for 0.5 s.".split()]
    assert wire.whole


async def test_a_log_that_can_t_be_read_to_its_end_says_so(live, file, monkeypatch):
    """Before its client gives up, whatever keeps it."""
    monkeypatch.setattr(streams, "SILENT_SECONDS", 1.0)
    file.write_bytes(b"one\n")
    monkeypatch.setattr(live.reader, "describe", lambda topics: asyncio.sleep(60))
    monkeypatch.setattr(live.reader, "latest", lambda topic: asyncio.sleep(60))
    wire = await ask(live, "&idle=5")
    body = await answers_within(wire, 4)
    assert body == b"one\r\n[tailrace] The log can't be read to its end at present.\r\n"


async def test_a_broker_that_comes_back_goes_on(live, file, monkeypatch):
    """The clock of a quiet log stands while it is away."""
    monkeypatch.setattr(streams, "LOCATE_AGAIN_SECONDS", 0.1)
    monkeypatch.setattr(watch, "ASK_REACHED_SECONDS", 0.1)
    file.write_bytes(b"one\n")
    live.log.append("job", log("two"))
    live.reader.away = True
    wire = await ask(live)
    await wire.until(lambda: wire.body == b"one\r\n")
    refused = live.reader.refused
    # It has not ended in that time, for it still asks.
    await until(lambda: refused[-1] - refused[0] > 3 * IDLE)
    live.reader.away = False
    assert await answers_within(wire, 8) == b"one\r\ntwo\r\n"


async def test_no_records_end_it(live, file):
    """After `idle`, each line beginning it anew."""
    clock, given = asyncio.get_running_loop().time, []
    wire = await ask(live)
    begun = appended = clock()
    while appended - begun < 3 * IDLE:
        appended = clock()
        given.append(f"{appended}")
        live.log.append("job", log(given[-1]))
        await wire.until(lambda: wire.body.endswith(f"{given[-1]}\r\n".encode()))
    assert (await answers_within(wire, 5)).decode().split() == given
    assert clock() - appended >= IDLE


async def test_a_task_without_anything_is_waited_for(live, folder):
    """Up to `idle`; what appears meanwhile is read."""
    wire = await ask(live, "&idle=3", task="new")
    assert wire.status == 200
    (folder / "new" / "worker.log").write_bytes(b"one\n")
    await wire.until(lambda: wire.body == b"one\r\n")
    live.log.create("new")
    live.log.append("new", log("two"))
    await wire.until(lambda: wire.body == b"one\r\ntwo\r\n")
    wire = await ask(live, "", task="b.job", who="bob")
    assert (await wire.rest(), wire.whole) == (b"", True)


async def test_it_follows_for_ever(live, file):
    """File and topic, past any idle time."""
    wire = await ask(live, "&follow=true&idle=1")
    assert await (await ask(live, "&idle=1")).rest() == b""
    # Who does not follow has just ended: the idle time is over.
    for n in range(3):
        with file.open("ab") as worker:
            worker.write(b"f%d\n" % n)
        live.log.append("job", log(f"t{n}"), partition=n % 2)
        await wire.until(lambda n=n: b"f%d" % n in wire.body and b"t%d" % n in wire.body)


async def test_http_1_0(live, file):
    """Without chunks, to the end of the connection."""
    file.write_bytes(b"one\n")
    shown = "Authorization: Basic tr_ann"
    wire = await live.get("/api/v1/logs?method=KAFKA&id=job", shown, version="1.0")
    assert await wire.rest() == b"one\r\n"


# -- other forms


@pytest.mark.parametrize(
    ("media", "body"),
    [
        ("text/plain", b"one\n\xff\n"),
        ("application/json", b"one\r\n\xff\r\n"),
        ("text/html, */*;q=0.8", b"one\r\n\xff\r\n"),
        ("application/json, text/plain, */*", b"one\r\n\xff\r\n"),
        ("text/plain, */*;q=0.1", b"one\n\xff\n"),
    ],
)
async def test_forms_of_lines(live, file, media, body):
    """What is not known gets what servers of this route have always sent."""
    file.write_bytes(b"one\n\xff\n")
    wire = await ask(live, "", accept(media))
    assert await wire.rest() == body


async def test_ndjson(live, file):
    """Lines and cursors, heartbeats, bytes that are no text, the end with its cursor."""
    file.write_bytes(b"one\n\xff\n")
    live.log.append("job", log("two"))
    wire = await ask(live, "", NDJSON)
    await wire.rest()
    rows = list(map(json.loads, wire.body.splitlines()))
    assert [row for row in rows if "line" in row] == [
        {"line": "one"}, {"line": "/w==", "encoding": "base64"}, {"line": "two"}
    ]  # fmt: skip
    assert sum("cursor" in row for row in rows) >= 3
    assert rows[-1]["end"]["reason"] == "idle"
    assert rows[-1]["end"]["cursor"] == said(wire)[-1][1]


async def test_server_sent_events(live, file):
    """Each line is an event, its id the cursor to come back with."""
    file.write_bytes(b"one\ntwo\n")
    live.log.append("job", log("three\nfour"))
    wire = await ask(live, "", accept("text/event-stream"))
    await wire.rest()
    events = [
        dict(row.split(": ", 1) for row in block.split("\n"))
        for block in wire.body.decode().split("\n\n")[:-1]
    ]
    told = [event for event in events if "data" in event and "event" not in event]
    assert [json.loads(event["data"])["line"] for event in told] == ["one", "two", "three", "four"]
    assert ["id" in event for event in told] == [True, True, False, True]
    wire = await ask(live, "", accept("text/event-stream"), f"Last-Event-ID: {told[0]['id']}")
    await wire.rest()
    assert b"one" not in wire.body
    assert wire.body.count(b'data: {"line"') == 3


async def test_a_missing_record_is_said(live, file):
    """Retention took it: in each form."""
    live.log.append("job", log("one"), log("two"))
    wire = await ask(live, "", NDJSON)
    await wire.rest()
    cursor = json.loads(wire.body.splitlines()[0])["cursor"]
    live.log.trim("job", 1)
    for media in ("*/*", "application/x-ndjson", "text/event-stream"):
        wire = await ask(live, f"&from={cursor}", accept(media))
        body = await wire.rest()
        assert b"retention" in body
        assert b"two" in body


# -- where it begins


@pytest.mark.parametrize(("count", "from_file"), [(0, 0), (1, 0), (3, 0), (4, 0), (5, 1), (7, 3), (100, 3)])
async def test_the_last_lines_over_file_and_topic(live, file, count, from_file):
    """Counted over both; records without a value are none, and some have several."""
    file.write_bytes(b"f1\nf2\nf3\n")
    live.log.append("job", log("t1\nt2"), None, log("t3"), partition=0)
    live.log.append("job", log("t4"), None, None, partition=1)
    wire = await ask(live, f"&tail={count}")
    expected = [b"f1", b"f2", b"f3", b"t1", b"t2", b"t3", b"t4"]
    assert (await wire.rest()).split() == (expected[-count:] if count else [])


async def test_the_last_lines_and_then_new_ones(live, file):
    """Nothing between is lost or repeated."""
    file.write_bytes(b"f1\nf2\n")
    live.log.append("job", *(log(f"t{n}") for n in range(20)))
    wire = await ask(live, "&tail=5&follow=true", NDJSON)
    await wire.until(lambda: len(lines(wire)) == 5)
    live.log.append("job", log("new"))
    await wire.until(lambda: len(lines(wire)) == 6)
    assert lines(wire) == [*(f"t{n}" for n in range(15, 20)), "new"]


async def test_all_lines_of_a_topic_that_is_made_later(live, folder):
    """They are new, however few last ones were asked for."""
    wire = await ask(live, "&tail=2&follow=true", NDJSON, task="new")
    live.log.create("new")
    live.log.append("new", *(log(f"t{n}") for n in range(9)))
    await wire.until(lambda: len(lines(wire)) == 9)


async def test_an_unfinished_last_line_is_one_of_the_last(live, file):
    """It is given before the topic's, and its line feed ends no further one."""
    file.write_bytes(b"f1\nf2\nFATAL")
    live.log.append("job", log("t1"))
    wire = await ask(live, "&tail=3&follow=true", NDJSON)
    await wire.until(lambda: len(lines(wire)) == 3)
    with file.open("ab") as worker:
        worker.write(b"\nf3\nunfinished")
    await wire.until(lambda: len(lines(wire)) == 5)
    assert lines(wire) == ["f2", "FATAL", "t1", "f3", "unfinished"]


@pytest.mark.parametrize("media", ["*/*", "text/plain", "application/x-ndjson", "text/event-stream"])
@pytest.mark.parametrize("query", ["", "&tail=100000"])
async def test_who_does_not_read_holds_little(live, monkeypatch, media, query):
    """A record of very many lines is made ready as its client takes it."""
    written = []
    sent = HttpSink.write
    monkeypatch.setattr(HttpSink, "write", lambda sink, data: (written.append(len(data)), sent(sink, data)))
    live.log.append("job", log("x" + "\n" * 300_000 + "y"))
    wire = await ask(live, query, accept(media))
    body = await wire.rest()
    assert body.count(b"y") >= 1
    assert wire.whole
    assert max(written) <= 160 << 10


async def test_last_lines_of_all_clients_share_a_bound(settings, folder):
    """Who comes when nothing is left is told, and what is held is given back."""
    small = replace(settings, limits=replace(settings.limits, pages=1 << 20))
    async with live_gateway(small, MemoryLog()) as live:
        live.log.create("job", 1)
        live.log.append("job", *(log("x" * 100_000) for _ in range(20)))
        wire = await ask(live, "&tail=20")
        assert b"[tailrace] Too many last lines" in await wire.rest()
        for _ in range(3):
            wire = await ask(live, "&tail=9")
            assert (await wire.rest()).count(b"x\r\n") == 9


async def test_every_cursor_resumes(live, file):
    """Over both, without a lost or repeated line."""
    file.write_bytes(b"".join(b"f%d\n" % n for n in range(5)))
    for n in range(6):
        live.log.append("job", log(f"t{n}"), partition=n % 2)
    wire = await ask(live, "", accept("text/event-stream"))
    whole = await wire.rest()
    blocks = [block for block in whole.decode().split("\n\n") if 'data: {"line"' in block]

    async def check(n, block):
        cursor = block.split("\n")[0].removeprefix("id: ")
        wire = await ask(live, f"&from={cursor}", accept("text/event-stream"))
        told = [block for block in (await wire.rest()).decode().split("\n\n") if 'data: {"line"' in block]
        assert sorted(b.split("\n")[1] for b in told) == sorted(b.split("\n")[1] for b in blocks[n + 1 :])

    await asyncio.gather(*(check(n, block) for n, block in enumerate(blocks)))


async def test_rotation_while_followed_and_while_away(live, file):
    """A cursor from before it finds the rest under the file's new name."""
    file.write_bytes(b"one\n")
    wire = await ask(live, "&follow=true", NDJSON)
    await wire.until(lambda: lines(wire) == ["one"])
    cursor = said(wire)[-1][1]
    with file.open("ab") as worker:
        worker.write(b"two\n")
    file.rename(file.with_name("worker.log.1"))
    file.write_bytes(b"three\n")
    await wire.until(lambda: lines(wire) == ["one", "two", "three"])
    wire = await ask(live, f"&from={cursor}", NDJSON)
    await wire.rest()
    assert lines(wire) == ["two", "three"]


async def test_a_truncated_file_is_said(live, file):
    """And read from its new beginning."""
    file.write_bytes(b"one\ntwo\n")
    wire = await ask(live, "&follow=true", NDJSON)
    await wire.until(lambda: len(lines(wire)) == 2)
    os.truncate(file, 0)
    with file.open("ab") as worker:
        worker.write(b"three\n")
    await wire.until(lambda: len(lines(wire)) == 3)
    assert b'"cause":"truncated"' in wire.body


async def test_a_large_file_is_read_in_pieces(live, file):
    """A client that does not read holds up nothing, and gets all of it."""
    row = b"x" * 99 + b"\n"
    file.write_bytes(row * 50_000)
    wire = await ask(live, "", accept("text/plain"))
    assert (await ask(live, "&tail=1", accept("text/plain"))).status == 200
    assert await wire.rest() == row * 50_000


# -- who may


@pytest.mark.parametrize(
    "shown",
    [
        "Basic tr_ann",
        f"Basic {basic('tr_ann:')}",
        f"Basic {basic('ann:tr_ann')}",
        "Bearer tr_ann",
        "basic tr_ann",
    ],
)
async def test_ways_to_show_a_token(live, file, shown):
    """All that clients are known to send."""
    file.write_bytes(b"one\n")
    wire = await ask(live, shown=shown)
    assert await wire.rest() == b"one\r\n"


@pytest.mark.parametrize("shown", ["Basic None", "Basic", "Basic ====", "Bearer", "Bearer x", "Digest x"])
async def test_who_is_not_known(live, shown):
    """401, with how to be."""
    wire = await ask(live, shown=shown)
    body = json.loads(await wire.rest())
    assert (wire.status, body["code"], body["message"]) == (401, 401, body["data"])
    assert "Basic" in wire.headers["www-authenticate"]


async def test_no_authorization_at_all(live):
    """The same."""
    wire = await live.get("/api/v1/logs?method=kafka&id=job")
    assert wire.status == 401


async def answer(live, task, who):
    """The bytes of an answer but for its date."""
    wire = await live.connect()
    wire.send(
        f"GET /api/v1/logs?method=kafka&id={task} HTTP/1.1\r\nHost: a\r\nAuthorization: Basic tr_{who}\r\n"
        "Connection: close\r\n\r\n".encode()
    )
    return b"\r\n".join(
        row for row in (await wire.closed()).split(b"\r\n") if not row.lower().startswith(b"date:")
    )


async def test_another_s_and_none_are_the_same(live, folder):
    """Byte for byte, whatever there is."""
    (folder / "b.job" / "worker.log").write_bytes(b"secret\n")
    live.log.create("b.job")
    live.log.append("b.job", log("secret"))
    theirs = await answer(live, "b.job", "ann")
    assert theirs.startswith(b"HTTP/1.1 404")
    assert b'{"code":1404,"message":"You have no task with this id."' in theirs
    assert {await answer(live, task, "ann") for task in ("b.job", "nothing", "x" * 249, "b.job")} == {theirs}
    assert await answer(live, "nothing", "root") == theirs


async def test_a_grant_reads_any_log(live, folder):
    """Of a file without a topic, and of a topic without a file or an owner."""
    live.log.create("free")
    live.log.append("free", log("one"))
    wire = await ask(live, task="free", who="root")
    assert await wire.rest() == b"one\r\n"
    (folder / "b.job" / "worker.log").write_bytes(b"two\n")
    wire = await ask(live, task="b.job", who="root")
    assert await wire.rest() == b"two\r\n"


@pytest.mark.parametrize("change", ["the token is revoked", "the task has another owner"])
async def test_who_may_read_no_longer_is_cut_off(live, file, monkeypatch, change):
    """Also in a log that is open; who may still read goes on."""
    monkeypatch.setattr(streams, "RIGHT_SECONDS", 0.05)
    file.write_bytes(b"one\n")
    ann, root = [await ask(live, "&follow=true", NDJSON, who=who) for who in ("ann", "root")]
    await ann.until(lambda: b"one" in ann.body)
    await root.until(lambda: b"one" in root.body)
    if change == "the token is revoked":
        live.identities.replace(declared(PEOPLE[1:], open_=False))
    else:
        live.owners.replace({"job": "bob"})
    assert b'"error"' in await answers_within(ann, 5)
    with file.open("ab") as more:
        more.write(b"two\n")
    await root.until(lambda: b"two" in root.body)
    assert b"two" not in ann.body


@pytest.mark.parametrize(
    "query",
    [
        "id=job", "method=kafka", "method=files&id=job", "method=kafka&id=", "method=kafka&id=a%20b",
        "method=kafka&id=__consumer_offsets", "method=kafka&id=job&idle=46", "method=kafka&id=job&idle=0.5",
        "method=kafka&id=job&tail=x", "method=kafka&id=job&from=x", "method=kafka&id=job&from=other:0@1",
        "method=kafka&id=job&tail=1&from=job:0@1", "method=kafka&id=job&what=1", "method=kafka&id=job&id=new",
    ],
)  # fmt: skip
async def test_wrong_words_are_400(live, query):
    """In the form of this route."""
    wire = await live.get(f"/api/v1/logs?{query}", "Authorization: Basic tr_ann")
    body = json.loads(await wire.rest())
    assert (wire.status, body["code"], body["message"]) == (400, 400, body["data"])
    assert wire.headers["content-type"] == "application/json"


async def test_reading_makes_no_topic(live):
    """However long it waits."""
    await (await ask(live, task="new")).rest()
    assert [topic.name for topic in live.log.topics()] == ["job"]


async def test_errors_with_status_200(settings):
    """As older servers sent them."""
    old = TaskLogs(codes=("unauthenticated=1401", "400=1400"), http_200_errors=True)
    async with live_gateway(Settings(principals=PEOPLE, tasklogs=old)) as live:
        wire = await live.get("/api/v1/logs?method=kafka&id=job")
        assert (wire.status, json.loads(await wire.rest())["code"]) == (200, 1401)
        wire = await ask(live, "&idle=x")
        assert (wire.status, json.loads(await wire.rest())["code"]) == (200, 1400)
        for media in ("application/x-ndjson", "text/event-stream", "text/plain"):
            wire = await ask(live, "&idle=x", accept(media))
            assert (wire.status, json.loads(await wire.rest())["code"]) == (400, 1400)


async def test_a_stop_is_seen_by_every_client(live, file):
    """Forms that can't tell it break off, so that nobody takes the log for complete."""
    file.write_bytes(b"one\n")
    plain = await ask(live, "&follow=true")
    ndjson = await ask(live, "&follow=true", NDJSON)
    await plain.until(lambda: plain.body)
    await ndjson.until(lambda: lines(ndjson))
    live.server.ask_to_stop()
    await plain.rest()
    await ndjson.rest()
    assert not plain.whole
    assert json.loads(ndjson.body.splitlines()[-1])["end"]["reason"] == "stopping"


def open_files():
    return len(list(Path("/proc/self/fd").iterdir()))


async def test_who_leaves_before_it_begins_leaves_nothing(live, file):
    """A connection that is reset while its answer begins."""
    file.write_bytes(b"one\n")
    before = open_files()
    wanted = b"GET /api/v1/logs?method=kafka&id=job&follow=true HTTP/1.1\r\n"
    for n in range(200):
        with socket.create_connection(("127.0.0.1", live.port)) as client:
            client.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            client.sendall(wanted + b"Host: x\r\nAuthorization: Basic tr_ann\r\n\r\n")
            for _ in range(n % 8):
                await asyncio.sleep(0)
    await everything_is_let_go(live, before)


async def everything_is_let_go(live, before):
    await until(lambda: not live.hub.streams and open_files() <= before)


async def test_who_leaves_leaves_nothing(live, file):
    """Neither a stream nor an open file."""
    file.write_bytes(b"one\n")
    before = open_files()
    for _ in range(5):
        wire = await ask(live, "&follow=true")
        await wire.until(lambda wire=wire: wire.body)
        wire.close()
    await everything_is_let_go(live, before)
