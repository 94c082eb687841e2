"""Where a log of GET /api/v1/logs begins and goes on."""

import asyncio
import os
from dataclasses import replace

import pytest
from tests.transports.tasklogs.conftest import NDJSON, accept, ask, lines, log, said, until
from tests.transports.wire import live_gateway

from tailrace.memory import MemoryLog
from tailrace.transports.sink import HttpSink


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


async def test_an_event_source_that_began_with_the_last_lines_comes_back(live, file):
    """Its address still says tail=; the header is the newer one."""
    file.write_bytes(b"f1\nf2\n")
    live.log.append("job", log("t1"), log("t2"))
    wire = await ask(live, "&tail=3", accept("text/event-stream"))
    await wire.rest()
    first = wire.body.decode().split("\n")[0].removeprefix("id: ")
    back = await ask(live, "&tail=3", accept("text/event-stream"), f"Last-Event-ID: {first}")
    assert back.status == 200
    await back.rest()
    assert wire.body.count(b'data: {"line"') == 3
    assert back.body.count(b'data: {"line"') == 2


async def test_a_cursor_has_a_longest(live):
    """In the header as in the address, as everywhere else."""
    cursor = "job:" + ",".join(f"{n}@0" for n in range(4000))
    for query, headers in (("", [f"Last-Event-ID: {cursor}"]), (f"&from={cursor}", [])):
        wire = await ask(live, query, *headers)
        assert (wire.status, b"at most 4096 bytes" in await wire.rest()) == (400, True)


async def test_a_gateway_without_its_folder_starts_and_says_so(settings, caplog):
    """It may be mounted later."""
    absent = replace(settings, tasklogs=replace(settings.tasklogs, folder="/none/at/all"))
    async with live_gateway(absent, MemoryLog()) as live:
        await until(lambda: any("no folder /none/at/all" in said for said in caplog.messages))
        assert (await ask(live)).status == 200
