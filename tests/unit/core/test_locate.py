"""Where streams begin: what is asked of the log, and how much of it at a time."""

import asyncio

import pytest

from tailrace.core.cursors import Cursor
from tailrace.core.errors import BadCursor, TopicNotFound
from tailrace.core.locate import MAX_MOMENTS, TOPICS_AT_ONCE
from tailrace.core.starts import BEGINNING


def cursor_of(moments):
    """A place in `times` with another time for each partition."""
    return Cursor.parse("times:" + ",".join(f"{n}@t{n + 1}" for n in range(moments)))


async def test_many_topics_are_located_some_at_a_time(core):
    """One after another they would take longer than a client waits."""
    names = [f"t{n}" for n in range(100)]
    for name in names:
        core.log.create(name)
    ask, asking, most = core.reader.describe, [], []

    async def describe(topics):
        asking.append(topics)
        most.append(len(asking))
        for _ in range(5):
            await asyncio.sleep(0)
        asking.remove(topics)
        return await ask(topics)

    core.reader.describe = describe
    _, sink = await core.open(*names)
    assert max(most) == TOPICS_AT_ONCE
    core.log.append("t99", b"1")
    await core.settle()
    assert sink.lines()[0]["topic"] == "t99"


async def test_one_topic_that_does_not_exist_is_told_as_if_it_were_alone(core):
    """Not as a group of errors."""
    with pytest.raises(TopicNotFound):
        await core.hub.locate(["t", "missing"], BEGINNING)


@pytest.mark.parametrize(("partitions", "moments", "asked"), [(2, 2200, 2), (2, 2, 2), (16, 16, 16)])
async def test_times_of_partitions_that_are_none_are_not_asked_for(core, partitions, moments, asked):
    """One address of a few kilobytes made thousands of questions."""
    core.log.create("times", partitions)
    ask, questions = core.reader.offsets_at, []

    async def offsets_at(topic, moment):
        questions.append(moment)
        return await ask(topic, moment)

    core.reader.offsets_at = offsets_at
    await core.hub.locate(["times"], cursor_of(moments))
    assert len(questions) == asked


async def test_a_cursor_of_many_times_is_refused(core):
    """Before the first of them is asked for."""
    core.log.create("times", 100)
    with pytest.raises(BadCursor):
        await core.hub.locate(["times"], cursor_of(MAX_MOMENTS + 1))
