"""One behaviour, whatever the form: NDJSON and server-sent events over real sockets."""

import asyncio
import json
import time
from dataclasses import replace

import pytest
from tests.transports.wire import Reading, live_gateway

from tailrace.core.cursors import Cursor
from tailrace.core.ports import NewRecord
from tailrace.memory import MemoryLog
from tailrace.settings import Settings
from tailrace.transports import streams

FORMS = ["ndjson", "sse"]
pytestmark = pytest.mark.parametrize("form", FORMS)


@pytest.fixture
async def live():
    async with live_gateway() as live:
        live.log.create("t", 2)
        yield live


def fill(live, count=10, topic="t", partition=0):
    live.log.append(topic, *[b"%d" % n for n in range(count)], partition=partition)


async def test_from_the_beginning_and_on(live, form):
    """What is there already, then what comes."""
    fill(live, 3)
    stream = await (await live.read(form)).until(3)
    fill(live, 2, partition=1)
    await stream.until(5)
    assert stream.places == [(0, 0), (0, 1), (0, 2), (1, 0), (1, 1)]
    assert stream.records[0] | {"timestamp": 0} == {
        "topic": "t", "partition": 0, "offset": 0, "timestamp": 0, "key": None, "value": 0, "headers": [],
    }  # fmt: skip


async def test_from_the_end_is_the_default(live, form):
    """Only what comes after the call."""
    fill(live, 3)
    stream = await live.read(form, "topic=t")
    fill(live, 1)
    await stream.until(1)
    assert stream.places == [(0, 3)]


async def test_from_the_last_n_over_all_partitions(live, form):
    """By timestamp."""
    for n in range(6):
        live.log.append("t", b"1", partition=n % 2)
    stream = await (await live.read(form, "topic=t&from=-3")).until(3)
    assert sorted(stream.places) == [(0, 2), (1, 1), (1, 2)]


async def test_from_a_time_on(form):
    """The first record at or after it."""
    log = MemoryLog(iter(range(1_000_000, 9_000_000, 60_000)).__next__)
    async with live_gateway(log=log) as live:
        log.create("t")
        fill(live, 5)
        stream = await (await live.read(form, "topic=t&from=1970-01-01T00:18:40Z")).until(3)
        assert stream.places == [(0, 2), (0, 3), (0, 4)]


async def test_from_a_cursor(live, form):
    """The next offset of each partition."""
    fill(live, 5)
    stream = await (await live.read(form, "topic=t&from=t:0@3")).until(2)
    assert stream.places == [(0, 3), (0, 4)]


async def test_to_a_cursor(live, form):
    """It ends there and says why, with the cursor to go on from."""
    fill(live, 5)
    stream = await (await live.read(form, "topic=t&from=beginning&to=t:0@2")).end()
    assert stream.places == [(0, 0), (0, 1)]
    assert stream.kinds[-1] == "end"
    assert stream.of("end")[0]["reason"] == "to"
    assert stream.wire.whole


async def test_to_the_end_as_of_the_call(live, form):
    """What comes later is not waited for."""
    fill(live, 5)
    stream = await (await live.read(form, "topic=t&from=beginning&to=end")).end()
    assert len(stream.records) == 5


async def test_a_limit_and_the_next_page_by_cursor(live, form):
    """Pages of a stream join without a hole or a repeat."""
    fill(live, 10)
    first = await (await live.read(form, "topic=t&from=beginning&limit=4")).end()
    cursor = first.of("end")[0]["cursor"]
    second = await (await live.read(form, f"topic=t&from={cursor}&to=end")).end()
    assert first.places + second.places == [(0, n) for n in range(10)]
    assert first.of("end")[0]["reason"] == "limit"


async def test_idle_ends_a_quiet_stream(live, form):
    """After so long without a record."""
    fill(live, 2)
    stream = await (await live.read(form, "topic=t&from=beginning&idle=200ms")).end()
    assert len(stream.records) == 2
    assert stream.of("end")[0]["reason"] == "idle"


async def test_a_key_selects(live, form):
    """Other records are not shown."""
    for n in range(9):
        live.log.store("t", 0, NewRecord(b"%d" % n, key=b"k%d" % (n % 3)))
    stream = await (await live.read(form, "topic=t&from=beginning&key=k1&to=end")).end()
    assert [r["value"] for r in stream.records] == [1, 4, 7]


async def test_several_topics_in_one_stream(live, form):
    """The cursor has a place in each."""
    live.log.create("u")
    fill(live, 3)
    fill(live, 2, topic="u")
    stream = await (await live.read(form, "topic=t&topic=u&from=beginning&to=end")).end()
    assert sorted((r["topic"], r["offset"]) for r in stream.records) == [
        ("t", 0), ("t", 1), ("t", 2), ("u", 0), ("u", 1)
    ]  # fmt: skip
    assert set(Cursor.parse(stream.of("end")[0]["cursor"]).topics) == {"t", "u"}


async def test_last_event_id_beats_from(live, form):
    """An EventSource repeats its whole address when it comes back."""
    fill(live, 5)
    stream = await live.read(form, "topic=t&from=beginning&to=end", "Last-Event-ID: t:0@4,1@0")
    await stream.end()
    assert stream.places == [(0, 4)]


async def test_retention_past_the_cursor_is_told_first(live, form):
    """Before any record."""
    fill(live, 10)
    live.log.trim("t", 6)
    stream = await (await live.read(form, "topic=t&from=t:0@2,1@0&to=end")).end()
    assert stream.kinds == ["gap", "record", "record", "record", "record", "end"]
    gap = stream.of("gap")[0]
    assert (gap["topic"], gap["partition"], gap["from"], gap["to"], gap["cause"]) == (
        "t",
        0,
        2,
        6,
        "retention",
    )


async def test_the_cursor_in_the_head_is_one_that_tells_of_the_gaps(live, form):
    """A client that is cut before the first event comes back with it."""
    fill(live, 10)
    live.log.trim("t", 6)
    wire = (await live.read(form, "topic=t&from=t:0@2,1@0")).wire
    again = await live.read(form, f"topic=t&from={wire.headers['tailrace-cursor']}")
    await again.until(1, "gap")
    assert (again.of("gap")[0]["from"], again.of("gap")[0]["to"]) == (2, 6)


async def test_a_cursor_ahead_of_the_end_is_truncated_and_goes_on(live, form):
    """Never a 4xx, which an EventSource would not survive."""
    fill(live, 3)
    stream = await live.read(form, "topic=t&from=t:0@9,1@0")
    await stream.until(1, "gap")
    fill(live, 1)
    await stream.until(1)
    assert stream.wire.status == 200
    assert stream.of("gap")[0]["cause"] == "truncated"
    assert stream.places == [(0, 3)]


async def test_a_cursor_of_a_topic_made_again_is_told_first(live, form):
    """Its tag is another's."""
    fill(live, 3)
    first = await (await live.read(form, "topic=t&from=beginning&to=end")).end()
    live.log.recreate("t")
    fill(live, 5)
    cursor = first.of("end")[0]["cursor"]
    stream = await (await live.read(form, f"topic=t&from={cursor}")).until(5)
    assert stream.kinds[0] == "gap"
    assert {gap["cause"] for gap in stream.of("gap")} == {"recreated"}
    assert stream.places == [(0, n) for n in range(5)]


async def test_a_topic_made_again_under_a_live_stream_is_told_within_two_seconds(live, form):
    """And read from its start."""
    fill(live, 3)
    stream = await (await live.read(form)).until(3)
    began = time.monotonic()
    live.log.recreate("t")
    fill(live, 2)
    await stream.until(5)
    assert time.monotonic() - began < 2.5
    assert stream.of("gap")[0]["cause"] == "recreated"
    assert stream.places[-2:] == [(0, 0), (0, 1)]


async def test_a_deleted_topic_is_told_and_waited_for(live, form):
    """The stream goes on when it is made again."""
    fill(live, 3)
    stream = await (await live.read(form)).until(3)
    live.log.delete("t")
    await stream.until(1, "gap")
    assert stream.of("gap")[0]["cause"] == "deleted"
    live.log.create("t", 2)
    fill(live, 1)
    await stream.until(4)
    assert stream.places[-1] == (0, 0)


async def test_partitions_added_under_a_live_stream_are_read_from_their_start(live, form):
    """Nothing to do for the client."""
    stream = await live.read(form)
    live.log.grow("t", 5)
    fill(live, 2, partition=4)
    await stream.until(2)
    assert stream.places == [(4, 0), (4, 1)]
    assert 4 in Cursor.parse(stream.cursor).topics["t"].positions


async def test_a_stalled_partition_is_told(live, form):
    """An open transaction holds back what comes after it."""
    stream = await live.read(form)
    live.log.begin("t")
    fill(live, 2)
    live.log.stall("t")
    await stream.until(1, "stalled")
    live.log.commit("t")
    await stream.until(2)
    assert stream.of("stalled")[0]["partition"] == 0


async def test_a_broker_away_at_the_start_is_waited_for(form):
    """200, signs of life, then records: a 5xx would end an EventSource for good."""
    async with live_gateway(heartbeat=0.3) as live:
        live.log.create("t")
        fill(live, 2)
        live.log.away = True
        stream = await live.read(form)
        await stream.wire.until(lambda: stream.wire.body.count(b"\n") > 2)
        assert stream.wire.status == 200
        live.log.away = False
        await stream.until(2)
        assert stream.places == [(0, 0), (0, 1)]


async def test_a_broker_away_for_a_while_is_waited_for(live, form):
    """Nothing is lost, nothing comes twice."""
    stream = await live.read(form)
    fill(live, 2)
    await stream.until(2)
    live.log.away = True
    fill(live, 2)
    live.log.away = False
    fill(live, 1)
    await stream.until(5)
    assert stream.places == [(0, n) for n in range(5)]


async def test_heartbeats_carry_the_cursor(form):
    """Also where no record ever came."""
    async with live_gateway(heartbeat=0.3) as live:
        live.log.create("t")
        stream = await live.read(form, "topic=t")
        await stream.until(3, "cursor")
        assert Cursor.parse(stream.cursor).topics["t"].positions[0].offset == 0


async def test_a_goodbye_carries_the_cursor(live, form):
    """A client comes back with it, to another process."""
    fill(live, 3)
    stream = await (await live.read(form)).until(3)
    live.server.ask_to_stop()
    await stream.end()
    end = stream.of("end")[0]
    assert end["reason"] == "stopping"
    assert Cursor.parse(end["cursor"]).topics["t"].positions[0].offset == 3
    assert stream.wire.whole


async def test_a_stream_cut_anywhere_resumes_by_its_last_cursor(live, form):
    """Whatever was read twice is known by its position; nothing is missing."""
    fill(live, 500)
    first = await (await live.read(form)).until(100)
    first.wire.close()
    await asyncio.sleep(0)
    stream = await (await live.read(form, f"topic=t&from={first.cursor}&to=end")).end()
    assert set(first.places) | set(stream.places) == {(0, n) for n in range(500)}


async def test_a_slow_reader_gets_everything(form):
    """It falls behind the window and reads from the log."""
    base = Settings()
    settings = replace(base, limits=replace(base.limits, window=65_536, send_buffer=8192))
    async with live_gateway(settings) as live:
        live.log.create("t")
        stream = await live.read(form, receive_buffer=8192)
        for _ in range(50):
            live.log.append("t", *[b'"%0500d"' % n for n in range(100)])
            await asyncio.sleep(0)
        await stream.until(5000)
        assert stream.places == [(0, n) for n in range(5000)]


async def test_many_partitions(form):
    """Order in each, all of each."""
    async with live_gateway() as live:
        live.log.create("t", 64)
        for n in range(640):
            live.log.append("t", b"%d" % n, partition=n % 64)
        stream = await live.read(form, "topic=t&from=beginning&to=end")
        await stream.end()
        assert sorted(stream.places) == [(p, n) for p in range(64) for n in range(10)]
        by_partition = [[o for p, o in stream.places if p == which] for which in range(64)]
        assert all(offsets == sorted(offsets) for offsets in by_partition)


async def test_two_streams_one_after_the_other_on_one_connection(live, form):
    """A stream that has ended leaves the connection for the next request."""
    fill(live, 3)
    first = await (await live.read(form, "topic=t&from=beginning&to=end")).end()
    assert len(first.records) == 3
    second = await live.read(form, "topic=t&from=beginning&limit=2", wire=first.wire)
    await second.end()
    assert len(second.records) == 2


async def test_requests_sent_ahead_are_answered_in_order(live, form):
    """Pipelining: the second request arrives with the first."""
    fill(live, 3)
    request = (
        f"GET /v1/stream?format={form}&topic=t&from=beginning&to=end HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n"
    )
    wire = await live.connect()
    wire.send(request.encode() + b"GET /livez HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n")
    first = await Reading(await wire.head(), form).end()
    assert len(first.records) == 3
    await wire.head()
    assert json.loads(await wire.rest())["status"]


async def test_http_1_0_reads_until_the_connection_closes(live, form):
    """No chunks, no keep-alive."""
    fill(live, 3)
    stream = await live.read(form, "topic=t&from=beginning&to=end", version="1.0")
    await stream.end()
    assert "transfer-encoding" not in stream.wire.headers
    assert len(stream.records) == 3
    assert stream.kinds[-1] == "end"


async def test_a_missing_topic_is_404_and_an_unknown_parameter_400(live, form):
    """Said before the stream begins."""
    missing = await live.read(form, "topic=nothing")
    unknown = await live.read(form, "topic=t&nonsense=x")
    assert (missing.wire.status, unknown.wire.status) == (404, 400)
    await unknown.wire.rest()
    problem = json.loads(unknown.wire.body)
    assert problem["code"] == "unknown_parameter"
    assert "from" in problem["hint"]


def locating():
    """Tasks that wait for a broker so that a stream can begin."""
    return [task for task in asyncio.all_tasks() if "_locate_later" in repr(task.get_coro())]


async def test_a_client_that_leaves_is_not_located_any_more(form, monkeypatch):
    """Whatever the question to the broker waits for."""
    monkeypatch.setattr(streams, "LOCATE_AGAIN_SECONDS", 60.0)
    async with live_gateway() as live:
        live.log.create("t")
        live.log.away = True
        stream = await live.read(form)
        assert locating()
        stream.wire.close()
        async with asyncio.timeout(5):
            while locating():  # noqa: ASYNC110 - nothing tells when a task has gone
                await asyncio.sleep(0.01)


class FailingLog(MemoryLog):
    """Comes back from being away with a fault that nobody foresaw."""

    def check(self):
        super().check()
        raise ValueError("unforeseen")


async def test_a_fault_while_a_stream_waits_to_begin_is_told(form, monkeypatch):
    """A stream that waits for ever would look like a quiet topic."""
    monkeypatch.setattr(streams, "LOCATE_AGAIN_SECONDS", 0.01)
    async with live_gateway(log=FailingLog()) as live:
        live.log.create("t")
        live.log.away = True
        stream = await live.read(form)
        live.log.away = False
        await stream.end()
        assert stream.of("problem")[0]["code"] == "internal"


async def test_with_the_broker_away_a_cursor_is_told_as_it_came(form):
    """A client that is cut meanwhile comes back with what it had."""
    async with live_gateway(heartbeat=0.3) as live:
        live.log.create("t")
        fill(live, 3)
        live.log.away = True
        stream = await live.read(form, "topic=t&from=t:0@2")
        await stream.until(1, "cursor")
        assert stream.cursor == "t:0@2"
        live.log.away = False
        await stream.until(1)
        assert stream.places == [(0, 2)]


async def test_idle_ends_a_stream_that_waits_for_its_broker(form, monkeypatch):
    """The end comes in time, and from then on nobody asks a broker on its behalf."""
    monkeypatch.setattr(streams, "LOCATE_AGAIN_SECONDS", 0.01)
    async with live_gateway() as live:
        live.log.create("t")
        live.log.away = True
        stream = await (await live.read(form, "topic=t&from=beginning&idle=200ms")).end()
        assert stream.of("end")[0]["reason"] == "idle"
        async with asyncio.timeout(5):
            while locating():  # noqa: ASYNC110 - nothing tells when a task has gone
                await asyncio.sleep(0.01)


async def test_an_end_that_could_not_be_asked_is_a_moment(form):
    """Who comes back with it gets what was stored since the call, and nothing of before."""
    stamp = int(time.time() * 1000) - 60_000
    async with live_gateway(log=MemoryLog(lambda: stamp), heartbeat=0.3) as live:
        live.log.create("t", 2)
        fill(live, 3)
        await (await live.read(form, "topic=t")).until(1, "cursor")
        live.log.away = True
        stream = await (await live.read(form, "topic=t")).until(1, "cursor")
        assert stream.cursor.startswith(f"t~{live.log.topic('t').tag}:0@t")
        assert stream.wire.headers["tailrace-cursor"] == stream.cursor
        stamp += 120_000
        fill(live, 1, partition=1)
        live.log.away = False
        again = await (await live.read(form, f"topic=t&from={stream.cursor}")).until(1)
        assert (await stream.until(1)).places == again.places == [(1, 0)]


async def test_with_the_broker_away_each_line_is_json(form):
    """A sign of life is a control line, or a comment among events."""
    async with live_gateway(heartbeat=0.2) as live:
        live.log.create("t")
        live.log.away = True
        stream = await live.read(form, "topic=t")
        await stream.wire.until(lambda: stream.wire.body.count(b"\n") > 2)
        lines = stream.wire.body.splitlines()
        if form == "sse":
            assert b":" in lines
        else:
            assert [json.loads(line) for line in lines[:2]] == [
                {"stalled": {"reason": "broker_unavailable"}},
            ] * 2
