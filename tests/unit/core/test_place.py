"""A reader's place: behind the window, joining it, in it, and at the end that it was given."""

import re

from tailrace.core.cursors import Cursor
from tailrace.core.ports import NewRecord
from tailrace.core.routes import KEY, Match
from tailrace.core.starts import BEGINNING, END
from tailrace.protocol.framing import bare
from tailrace.protocol.sse import SseWriteFormat


async def test_the_answer_to_an_old_question_moves_nobody_back(core, monkeypatch):
    """The window went on while the log was asked whether anything comes before `to`."""
    monkeypatch.setattr("tailrace.core.blocks.END_SECONDS", 0)
    core.log.append("t", b"1", b"2")
    core.reader.answers.clear()
    _, sink = await core.open("t", start="t:0@2,1@0", to="t:0@9,1@0")
    await core.settle()
    core.log.append("t", b"3")
    await core.settle()
    core.reader.answers.set()
    await core.settle()
    core.log.append("t", b"4")
    await core.settle()
    assert sink.offsets() == [(0, 2), (0, 3)]


async def test_partitions_made_after_the_end_was_fixed_are_not_read(core):
    """`to` says where each partition ends; a later one has nothing before it."""
    core.log.append("t", b"1")
    _, sink = await core.open("t", start=BEGINNING, to="t:0@5,1@0")
    core.log.grow("t", 3)
    await core.hub.watch.look_after()
    core.log.append("t", b"x", partition=2)
    core.log.append("t", b"2")
    await core.settle()
    assert sink.offsets() == [(0, 0), (0, 1)]


async def test_a_reader_of_many_partitions_comes_back_with_a_short_cursor(core):
    """Live, behind and before a gap: an EventSource's header has room for 4 KB."""
    core.log.create("wide", 400)
    for p in range(400):
        core.log.topic("wide").partitions[p].earliest = core.log.topic("wide").partitions[p].end = 10**6
        core.log.append("wide", b"1", b"2", partition=p)
    live, sink = await core.open("wide", start=END, format_=SseWriteFormat(bare))
    core.log.append("wide", b"3")
    await core.settle()
    cut, _ = await core.open("wide", start=f"wide~{core.tag('wide')}:0@7")
    ids = re.findall(rb"id: (.*)", sink.data)
    for text in (ids[-1].decode(), live.cursor_text(), cut.cursor_text()):
        assert text.startswith("~2")
        assert len(text) <= 4096
    _, resumed = await core.open("wide", start=ids[-1].decode())
    core.log.append("wide", b"4")
    await core.settle()
    assert resumed.offsets() == [(0, 10**6 + 3)]


async def test_partitions_made_later_are_read_from_their_start(core):
    """A topic that grows loses nothing of what its new partitions hold already."""
    _, sink = await core.open("t", start=END)
    core.log.grow("t", 3)
    core.log.append("t", b"1", b"2", partition=2)
    await core.hub.watch.look_after()
    await core.settle()
    assert sink.offsets() == [(2, 0), (2, 1)]


async def test_a_stream_with_an_end_stops_there_and_says_so(core):
    """Records from `to` on are another reader's."""
    core.log.append("t", *[b"1"] * 5)
    stream, sink = await core.open("t", to="t:0@3,1@0")
    await core.settle()
    assert sink.offsets() == [(0, 0), (0, 1), (0, 2)]
    assert sink.lines()[-1]["end"]["reason"] == "to"
    assert Cursor.parse(sink.lines()[-1]["end"]["cursor"]).topics["t"].positions[0].offset == 3
    assert stream.ended


async def test_an_end_behind_aborted_records_is_reached(core):
    """Only the log can say that nothing more comes before it."""
    core.log.append("t", b"1")
    core.log.hole("t", 0, 4)
    stream, _ = await core.open("t", to="t:0@5,1@0")
    await core.settle()
    assert stream.ended


async def test_a_slow_reader_falls_out_of_the_window_and_gets_everything(make_core):
    """It reads the past from the log, then joins again."""
    core = make_core(window_bytes=2_000)
    core.log.create("t")
    _, sink = await core.open("t", start=END)
    await core.settle()
    sink.blocked = True
    for _ in range(50):
        core.log.append("t", *[b'"%d"' % n for n in range(20)])
        await core.settle(3)
    sink.blocked = False
    for stream in core.hub.streams:
        stream.wake()
    await core.settle(400)
    assert sink.offsets() == [(0, n) for n in range(1000)]


async def test_a_limit_cuts_within_a_chunk(core):
    """The cursor of the end stands right behind the last record."""
    core.log.append("t", *[b"1"] * 50)
    _, sink = await core.open("t", limit=7)
    await core.settle()
    assert len(sink.offsets()) == 7
    assert sink.lines()[-1]["end"]["cursor"].split(":")[1].startswith("0@7")


async def test_a_partition_that_does_not_answer_holds_nobody_back(make_core):
    """After a second its records are owed and the others go on; they come when it answers."""
    core = make_core(window_bytes=1_000)
    core.log.create("t", 2)
    await core.open("t", start=END)
    for _ in range(20):
        core.log.append("t", b"1", partition=0)
        await core.settle(4)
    core.reader.gate.clear()
    _, sink = await core.open("t", start=f"t~{core.tag()}:0@0,1@0")
    await core.settle()
    core.clock.now += 2
    core.log.append("t", b"2", partition=1)
    await core.settle()
    assert (1, 0) in sink.offsets()
    assert (0, 0) not in sink.offsets()
    core.reader.gate.set()
    await core.settle(200)
    assert sorted(sink.offsets()) == [(0, n) for n in range(20)] + [(1, 0)]


async def test_a_key_filter_moves_the_cursor_over_what_it_hides(core):
    """A reader that comes back does not read again what was not for it."""
    stream, sink = await core.open("t", start=END, match=Match(KEY, b"mine"))
    await core.settle()
    for n in range(30):
        core.log.store("t", 0, NewRecord(b"1", key=b"mine" if n == 3 else b"other"))
        await core.settle(3)
    assert sink.offsets() == [(0, 3)]
    assert Cursor.parse(stream.cursor_text()).topics["t"].positions[0].offset == 30


async def test_retention_past_a_reader_that_catches_up_is_told_in_between(make_core):
    """Records that were dropped while it read are a gap, not silence."""
    core = make_core(window_bytes=1_000)
    core.log.create("t")
    core.log.append("t", *[b"1"] * 100)
    core.reader.gate.clear()
    _, sink = await core.open("t")
    await core.settle()
    core.log.trim("t", 60)
    core.reader.gate.set()
    await core.settle(200)
    assert sink.kinds()[0] == "gap"
    gap = sink.lines()[0]["gap"]
    assert (gap["from"], gap["to"], gap["cause"]) == (0, 60, "retention")
    assert sink.offsets() == [(0, n) for n in range(60, 100)]


async def test_a_truncated_log_is_a_gap_that_says_that_records_repeat(core):
    """After an unclean election other records stand at offsets that were read already."""
    core.log.append("t", *[b"1"] * 10)
    _, sink = await core.open("t")
    await core.settle()
    sink.data = b""
    core.log.truncate("t", 4)
    await core.settle()
    core.log.append("t", b"new")
    await core.settle(100)
    gap = next(line["gap"] for line in sink.lines() if "gap" in line)
    assert (gap["cause"], gap["from"], gap["to"], gap["repeats"]) == ("truncated", 4, 10, True)
    assert sink.offsets() == [(0, 4)]


async def test_a_topic_made_again_under_a_live_stream_is_a_gap_and_starts_over(core):
    """The next look notices the new tag."""
    core.log.append("t", *[b"1"] * 10)
    _, sink = await core.open("t")
    await core.settle()
    sink.data = b""
    core.log.recreate("t")
    core.log.append("t", b"a", b"b")
    await core.hub.watch.look_after()
    await core.settle(100)
    assert sink.kinds()[:2] == ["gap", "gap"]
    assert {line["gap"]["cause"] for line in sink.lines() if "gap" in line} == {"recreated"}
    assert sink.offsets() == [(0, 0), (0, 1)]


async def test_records_that_are_smaller_than_they_were_taken_for_are_not_passed_over(make_core):
    """A run is cut where the write's room is guessed to end; the rest of it comes first in the next one."""
    core = make_core(window_bytes=10_000_000)
    core.log.create("t", 2)
    await core.open("t", start=END)
    for n in range(8):
        core.log.append("t", *[b"1"] * 500, partition=n % 2)
        await core.settle(5)
    _, sink = await core.open("t", start=f"t~{core.tag()}:0@10,1@20")
    await core.settle(200)
    assert sorted(sink.offsets()) == [(0, n) for n in range(10, 2000)] + [(1, n) for n in range(20, 2000)]


async def test_an_end_between_the_offsets_of_a_block_is_reached(make_core):
    """`to` lies in a hole between two records that were read together."""
    core = make_core(window_bytes=1_000)
    core.log.create("t")
    core.log.append("t", *[b"1"] * 5)
    core.log.hole("t", 0, 10)
    core.log.append("t", *[b"1"] * 100)
    stream, sink = await core.open("t", to="t:0@8")
    await core.settle(200)
    assert sink.offsets() == [(0, n) for n in range(5)]
    assert stream.ended
