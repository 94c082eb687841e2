"""The hub: what is watched, when streams are told what, and what happens when topics change."""

import asyncio

from tailrace.core.errors import Forbidden
from tailrace.core.starts import END


async def test_a_cursor_of_a_topic_made_again_is_told_before_any_record_even_while_it_is_watched(core):
    """The tag is compared with the topic as it is now, not as it was at the last look."""
    core.log.append("t", b"1", b"2", b"3")
    stream, _ = await core.open("t")
    await core.settle()
    cursor = stream.cursor_text()
    core.log.recreate("t")
    core.log.append("t", *[b"9"] * 8)
    _, sink = await core.open("t", start=cursor)
    await core.settle()
    assert sink.kinds()[0] == "gap"
    assert sink.lines()[0]["gap"]["cause"] == "recreated"
    assert len(sink.offsets()) == 8


async def test_a_topic_that_could_not_be_found_for_a_while_goes_on_when_it_is_back(core):
    """Brokers may fail to find a topic while they change; it is the same one when its tag is."""
    stream, sink = await core.open("t", start=END)
    await core.settle()
    topic = core.log.topic("t")
    core.log.delete("t")
    for _ in range(3):
        await core.hub.watch.look_after()
    core.log.restore(topic)
    await core.hub.watch.look_after()
    core.log.append("t", b"1")
    await core.settle()
    assert sink.kinds()[-2:] == ["record", "cursor"]
    assert not stream.ended


async def test_a_topic_that_cannot_be_described_hides_no_other_and_is_logged_once(core, caplog):
    """Its Kafka says no to any question that names it."""
    describe, asked = core.reader.describe, []

    async def forbidding(topics):
        asked.append(list(topics))
        if "secret" in topics:
            raise Forbidden("No.")
        return await describe(topics)

    core.log.create("secret")
    _, sink = await core.open("secret", "t", start=END)
    core.reader.describe = forbidding
    core.log.recreate("t")
    for _ in range(3):
        await core.hub.watch.look_after()
    await core.settle()
    assert sink.kinds()[0] == "gap"
    assert len(caplog.records) == 1
    assert asked[-2:] == [["t"], ["secret"]]


async def test_streams_that_are_gone_take_no_turn_in_the_heartbeats(core):
    """After a thousand clients left at once, the one that stayed hears within the set time."""
    gone = [await core.open("t", start=END) for _ in range(1000)]
    _, sink = await core.open("t", start=END)
    await core.hub.look_after_streams()
    for stream, _ in gone:
        stream.close()
    sink.data = b""
    for _ in range(15):
        core.clock.now += 1
        await core.hub.look_after_streams()
    assert sink.kinds()[:1] == ["cursor"]


async def test_heartbeats_go_on_while_the_broker_does_not_answer(make_core, monkeypatch):
    """A question to a broker that is away takes seconds; streams hear of their gateway meanwhile."""
    for module in ("hub", "watch"):
        monkeypatch.setattr(f"tailrace.core.{module}.LOOK_SECONDS", 0.005)
    core = make_core(heartbeat=0.02)
    core.log.create("t")
    never = asyncio.Event()

    async def describe(topics):
        await never.wait()

    _, sink = await core.open("t", start=END)
    core.reader.describe = describe
    core.clock.now += 1
    core.spawn(core.hub.run())
    await core.until(lambda: sink.data)
    assert sink.kinds()[0] == "cursor"


async def test_a_heartbeat_does_not_tell_a_cursor_past_a_gap_that_was_not_told(core):
    """A client cut after it would come back behind the gap and never hear of it."""
    core.log.append("t", *[b"1"] * 5)
    core.log.trim("t", 3)
    stream, sink = await core.open("t", start="t:0@1,1@0")
    stream.heartbeat()
    await core.settle()
    assert sink.kinds()[0] == "gap"
    assert sink.offsets() == [(0, 3), (0, 4)]


async def test_a_goodbye_tells_the_gaps_before_it(core):
    """Its cursor stands behind them."""
    core.log.append("t", *[b"1"] * 5)
    core.log.trim("t", 3)
    stream, sink = await core.open("t", start="t:0@1,1@0")
    stream.end("stopping")
    assert sink.kinds() == ["gap", "end"]
    assert sink.finished


async def test_a_stream_that_never_began_has_no_cursor_to_tell(core):
    """An empty text is none that could be resumed from."""
    _, sink = await core.open("t")
    stream = core.hub.stream(sink, core.format)
    sink.data = b""
    stream.end("stopping")
    assert sink.lines() == [{"end": {"reason": "stopping"}}]


async def test_what_one_reader_cannot_encode_stops_no_other(core, caplog):
    """A fault in one stream's turn breaks that stream off and is logged."""
    _, healthy = await core.open("t", start=END)
    stream, broken = await core.open("t", start=END)
    await core.settle()
    stream._format = None
    core.log.append("t", b"1")
    await core.settle()
    core.log.append("t", b"2")
    await core.settle()
    assert healthy.offsets() == [(0, 0), (0, 1)]
    assert broken.aborted
    assert "turn" in caplog.text
