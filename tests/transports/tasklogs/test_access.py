"""Who may read GET /api/v1/logs, and what is left of who leaves."""

import asyncio
import json
import socket
import struct
from pathlib import Path

import pytest
from tests.transports.tasklogs.conftest import NDJSON, PEOPLE, accept, answers_within, ask, lines, log, until
from tests.transports.wire import basic, live_gateway

from tailrace.auth import declared
from tailrace.settings import Settings, TaskLogs
from tailrace.transports.tasklogs import stream as streams


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


async def test_an_unknown_word_is_answered_with_those_known(live):
    """In the one sentence that clients of this route read."""
    wire = await ask(live, "&bogus=1")
    said = json.loads(await wire.rest())["message"]
    assert said.startswith("There is no parameter 'bogus' here.")
    assert said.endswith("Known here: method, id, follow, idle, tail, from.")


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
