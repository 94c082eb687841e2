"""GET /api/v1/logs in each of its forms, to its end."""

import asyncio
import json

import pytest
from tests.transports.tasklogs.conftest import IDLE, NDJSON, accept, answers_within, ask, log, said, until

from tailrace.transports.sink import HttpSink
from tailrace.transports.tasklogs import stream as streams
from tailrace.transports.tasklogs import watch

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


async def test_line_feeds_keep_no_other_client_waiting(live, file, monkeypatch):
    """Of a hundred thousand lines of file and topic, a few in each turn of the loop."""
    turn, made, write = 0, {}, HttpSink.write

    def count(sink, data):
        made[turn] = made.get(turn, 0) + data.count(b"\n")
        write(sink, data)

    monkeypatch.setattr(HttpSink, "write", count)
    file.write_bytes(b"x\n" * 50_000)
    live.log.append("job", log("x\n" * 50_000))
    wire = await ask(live)
    reading = asyncio.create_task(wire.rest())
    while not reading.done():
        await asyncio.sleep(0)
        turn += 1
    assert (await reading).count(b"x") == 100_000
    assert max(made.values()) < 5_000


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
