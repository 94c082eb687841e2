"""Several gaps at once: each carries a cursor from which the ones after it are told again."""

import pytest

from tailrace.core.cursors import Cursor
from tailrace.core.starts import END


async def gaps_from(core, cursor, *topics):
    """The gaps that a reader of this cursor is told."""
    _, sink = await core.open(*(topics or ("t",)), start=cursor)
    await core.settle(100)
    return [line["gap"] for line in sink.lines() if "gap" in line]


def causes(gaps):
    return [(gap["topic"], gap["partition"], gap["from"], gap["cause"]) for gap in gaps]


@pytest.fixture
def lossy(core):
    """The topic `t` lost the first records of both partitions."""
    for partition in (0, 1):
        core.log.append("t", *[b"1"] * 5, partition=partition)
        core.log.trim("t", 3, partition)
    return core


async def test_who_resumes_from_the_first_of_two_gaps_is_told_of_the_second(lossy):
    """And not of the first once more."""
    first, second = await gaps_from(lossy, "t:0@1,1@2")
    assert causes(await gaps_from(lossy, first["cursor"])) == causes([second])
    assert await gaps_from(lossy, second["cursor"]) == []


async def test_a_gap_of_one_topic_keeps_those_of_the_next_to_come(lossy):
    """A whole cursor has places in all topics, told or not."""
    lossy.log.create("u")
    lossy.log.append("u", *[b"1"] * 5)
    lossy.log.trim("u", 3)
    told = await gaps_from(lossy, "t:0@3,1@2;u:0@1", "t", "u")
    assert causes(told) == [("t", 1, 2, "retention"), ("u", 0, 1, "retention")]
    assert causes(await gaps_from(lossy, told[0]["cursor"], "t", "u")) == causes(told[1:])


async def test_who_resumes_from_the_first_gap_of_a_topic_made_again_is_told_of_the_others(core):
    """Offsets of the old topic stand under its old tag only."""
    core.log.append("t", b"1", b"2", partition=0)
    core.log.append("t", b"1", partition=1)
    cursor = f"t~{core.tag()}:0@2,1@1"
    core.log.recreate("t")
    core.log.append("t", *[b"9"] * 8, partition=1)
    first, second = await gaps_from(core, cursor)
    assert causes(await gaps_from(core, first["cursor"])) == causes([second])
    assert await gaps_from(core, second["cursor"]) == []


async def test_gaps_of_a_topic_made_again_under_a_live_stream_are_each_resumed_behind(core):
    """The stream knows under which tag its places were."""
    core.log.append("t", b"1", b"2", partition=0)
    core.log.append("t", b"1", partition=1)
    _, sink = await core.open("t")
    await core.settle()
    core.log.recreate("t")
    await core.hub.watch.look_after()
    await core.settle()
    first, second = [line["gap"] for line in sink.lines() if "gap" in line]
    assert causes(await gaps_from(core, first["cursor"])) == causes([second])
    assert f"~{core.tag()}:" in second["cursor"]


async def test_a_cursor_ahead_of_a_cut_log_stays_ahead_until_that_is_told(core):
    """Its gap begins at the end of the log: a cursor from there would not notice."""
    for partition in (0, 1):
        core.log.append("t", *[b"1"] * 3, partition=partition)
    first, second = await gaps_from(core, "t:0@9,1@8")
    assert causes(await gaps_from(core, first["cursor"])) == causes([second])


async def test_a_goodbye_stands_behind_the_gaps_told_with_it(lossy):
    """The gaps carry their own cursors, the end the last."""
    stream, sink = await lossy.open("t", start="t:0@1,1@2")
    stream.end("limit")
    *gaps, last = sink.lines()
    assert [Cursor.parse(gap["gap"]["cursor"]).topics["t"].positions[1].offset for gap in gaps] == [2, 3]
    assert Cursor.parse(last["end"]["cursor"]).topics["t"].positions[1].offset == 3


async def test_a_write_that_has_no_room_for_a_topic_tells_no_cursor_past_its_gaps(make_core):
    """The first topic fills the write; the gap of the second comes with the next one."""
    core = make_core(window_bytes=1_000_000)
    core.log.create("a")
    core.log.create("t")
    core.log.append("t", *[b"1"] * 5)
    core.log.trim("t", 3)
    await core.open("a", start=END)
    core.log.append("a", *[b"x" * 50_000] * 12)
    await core.settle()
    _, sink = await core.open("a", "t", start="a:0@0;t:0@2")
    await core.settle()
    lines = sink.lines()
    before = lines[: next(n for n, line in enumerate(lines) if "gap" in line)]
    cursors = [Cursor.parse(line["cursor"]).topics["t"] for line in before if "cursor" in line]
    assert {cursor.positions[0].offset for cursor in cursors} == {2}
