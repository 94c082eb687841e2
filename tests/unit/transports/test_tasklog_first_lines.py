"""What goes first when many logs are opened at once."""

import asyncio

from tailrace.transports.tasklogs import first_lines as firsts
from tailrace.transports.tasklogs.first_lines import FirstLines


async def done(task, rounds=5):
    """Whether it has come to its end, without time to pass."""
    for _ in range(rounds):
        await asyncio.sleep(0)
    return task.done()


async def test_topics_wait_while_files_are_read():
    """For all of them."""
    first_lines = FirstLines()
    with first_lines.awaited():
        with first_lines.awaited():
            topic = asyncio.ensure_future(first_lines.given())
            assert not await done(topic)
        assert not await done(topic)
    assert await done(topic)


async def test_nobody_waits_where_no_file_is_read():
    """Also after one could not be."""
    first_lines = FirstLines()
    try:
        with first_lines.awaited():
            raise OSError
    except OSError:
        pass
    await asyncio.wait_for(first_lines.given(), 0.1)


async def test_a_disk_that_hangs_keeps_topics_for_a_while_only(monkeypatch):
    """Lines of Kafka come without it."""
    monkeypatch.setattr(firsts, "LONGEST_SECONDS", 0.01)
    first_lines = FirstLines()
    with first_lines.awaited():
        await asyncio.wait_for(first_lines.given(), 5)
