"""Where a topic begins to be watched."""

from tailrace.core.starts import END


async def test_all_of_a_short_topic_is_in_its_window(make_core):
    """Who reads it from the beginning need not catch up; who begins at its end gets nothing of it."""
    core = make_core(short_topic=5)
    core.log.create("t")
    core.log.append("t", *[b"1"] * 5)
    _, sink = await core.open("t")
    _, at_end = await core.open("t", start=END)
    await core.settle()
    core.log.append("t", b"2")
    await core.settle()
    assert sink.offsets() == [(0, n) for n in range(6)]
    assert at_end.offsets() == [(0, 5)]
    assert core.reader.reads == 0


async def test_what_was_deleted_of_a_short_topic_is_not_looked_for(make_core):
    """It begins with the first record that is still there."""
    core = make_core(short_topic=5)
    core.log.create("t")
    core.log.append("t", *[b"1"] * 50)
    core.log.trim("t", 47)
    _, sink = await core.open("t")
    await core.settle()
    assert sink.offsets() == [(0, n) for n in range(47, 50)]
    assert core.reader.reads == 0


async def test_a_longer_topic_is_watched_from_its_end(make_core):
    """What is before comes of the log."""
    core = make_core(short_topic=5)
    core.log.create("t")
    core.log.append("t", *[b"1"] * 6)
    _, sink = await core.open("t")
    await core.settle()
    assert sink.offsets() == [(0, n) for n in range(6)]
    assert core.reader.reads > 0
