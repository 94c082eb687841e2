"""Where streams begin: what is asked of the log, and how much of it at a time."""

import asyncio

import pytest

from tailrace.core.errors import TopicNotFound
from tailrace.core.locate import TOPICS_AT_ONCE
from tailrace.core.starts import BEGINNING


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
