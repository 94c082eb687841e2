"""What every TailSource does."""

import asyncio

from tests.contract.clusters import until

# That nothing is told can only be seen by waiting.
QUIET_SECONDS = 0.5


async def test_what_is_appended_is_told(cluster, tail, listener):
    """Records come in order, with their offsets."""
    topic = cluster.topic()
    tail.watch(topic, {0: 0})
    for start in range(0, 1_000, 100):
        cluster.append(topic, *(b"%d" % n for n in range(start, start + 100)))
    await until(lambda: len(listener.records) >= 1_000)
    assert [(r.offset, r.value) for r in listener.records] == [(n, b"%d" % n) for n in range(1_000)]


async def test_a_watch_starts_in_the_middle(cluster, tail, listener):
    """The first record told is the one at the position."""
    topic = cluster.topic()
    cluster.append(topic, *(b"%d" % n for n in range(100)))
    tail.watch(topic, {0: 60})
    await until(lambda: len(listener.records) >= 40)
    assert [r.offset for r in listener.records] == list(range(60, 100))


async def test_twelve_partitions(cluster, tail, listener):
    """Every partition's records come, each partition's in order."""
    topic = cluster.topic(12)
    tail.watch(topic, dict.fromkeys(range(12), 0))
    for partition in range(12):
        cluster.append(topic, *(b"%d" % n for n in range(50)), partition=partition)
    await until(lambda: len(listener.records) >= 600)
    for partition in range(12):
        offsets = [r.offset for r in listener.records if r.partition == partition]
        assert offsets == list(range(50))


async def test_two_topics_are_told_apart(cluster, tail, listener):
    """Each chunk is of one topic."""
    one, two = cluster.topic(), cluster.topic()
    tail.watch(one, {0: 0})
    tail.watch(two, {0: 0})
    cluster.append(one, b"1")
    cluster.append(two, b"2")
    await until(lambda: len(listener.records) >= 2)
    assert (listener.values(one), listener.values(two)) == ([b"1"], [b"2"])


async def test_after_unwatch_there_is_silence(cluster, tail, listener):
    """Nothing of the topic is told any more, not even what was read already."""
    topic, other = cluster.topic(), cluster.topic()
    tail.watch(topic, {0: 0})
    tail.watch(other, {0: 0})
    cluster.append(topic, b"before")
    await until(lambda: listener.records)
    cluster.append(topic, b"under way")
    tail.unwatch(topic)
    cluster.append(topic, b"after")
    cluster.append(other, b"other")
    await until(lambda: listener.values(other))
    await asyncio.sleep(QUIET_SECONDS)
    assert listener.values(topic) == [b"before"]


async def test_a_topic_watched_again_starts_where_it_is_told(cluster, tail, listener):
    """The second watch knows nothing of the first."""
    topic = cluster.topic()
    cluster.append(topic, *(b"%d" % n for n in range(200)))
    tail.watch(topic, {0: 150})
    await until(lambda: len(listener.records) >= 50)
    tail.unwatch(topic)
    tail.watch(topic, {0: 10})
    await until(lambda: len(listener.records) >= 50 + 190)
    assert [r.offset for r in listener.records] == [*range(150, 200), *range(10, 200)]


async def test_a_watch_in_place_of_a_watch(cluster, tail, listener):
    """Watching without unwatching first is the same, in quick succession too."""
    topic = cluster.topic()
    cluster.append(topic, *(b"%d" % n for n in range(200)))
    for position in (150, 20, 180, 40):
        tail.watch(topic, {0: position})
    await until(lambda: len(listener.records) >= 160)
    assert [r.offset for r in listener.records] == list(range(40, 200))


async def test_a_position_before_the_log_is_told_as_lost(cluster, tail, listener):
    """It goes on at the first record that is left."""
    topic = cluster.topic()
    cluster.append(topic, *(b"%d" % n for n in range(10)))
    cluster.trim(topic, 6)
    tail.watch(topic, {0: 2})
    await until(lambda: len(listener.records) >= 4)
    assert listener.lost == [(topic, 0, 2, "retention", 6)]
    assert [r.offset for r in listener.records] == [6, 7, 8, 9]


async def test_a_position_ahead_of_the_log_is_told_as_lost(cluster, tail, listener):
    """It goes on at the end."""
    topic = cluster.topic()
    cluster.append(topic, b"a", b"b")
    tail.watch(topic, {0: 50})
    await until(lambda: listener.lost)
    cluster.append(topic, b"c")
    await until(lambda: listener.records)
    assert listener.lost == [(topic, 0, 50, "truncated", 2)]
    assert [(r.offset, r.value) for r in listener.records] == [(2, b"c")]


async def test_a_partition_lost_holds_up_no_other(cluster, tail, listener):
    """The others' records come."""
    topic = cluster.topic(2)
    cluster.append(topic, b"a", b"b")
    tail.watch(topic, {0: 50, 1: 0})
    cluster.append(topic, b"c", partition=1)
    await until(lambda: listener.lost and listener.records)
    assert [(r.partition, r.value) for r in listener.records] == [(1, b"c")]


async def test_aborted_records_are_passed_over(cluster, tail, listener):
    """They leave a hole."""
    topic = cluster.topic()
    tail.watch(topic, {0: 0})
    cluster.begin(topic, b"x", b"y")
    cluster.abort(topic)
    cluster.append(topic, b"a")
    await until(lambda: listener.records)
    assert [(r.offset, r.value) for r in listener.records] == [(3, b"a")]


async def test_an_open_transaction_is_told_after_a_while(cluster, tail, listener):
    """Its offset is told once; when it ends, all records come."""
    topic = cluster.topic()
    cluster.append(topic, b"a")
    tail.watch(topic, {0: 0})
    await until(lambda: listener.records)
    cluster.begin(topic, b"b")
    cluster.append(topic, b"c")
    await asyncio.sleep(QUIET_SECONDS)
    assert listener.values() == [b"a"]
    cluster.let_stall(topic)
    await until(lambda: listener.stalled)
    cluster.commit(topic)
    await until(lambda: len(listener.records) >= 3)
    assert listener.stalled == [(topic, 0, 1)]
    assert listener.values() == [b"a", b"b", b"c"]


async def test_a_topic_made_again_is_read_when_watched_again(cluster, tail, listener):
    """The new topic's records come from its beginning."""
    topic = cluster.topic()
    cluster.append(topic, b"old")
    tail.watch(topic, {0: 0})
    await until(lambda: listener.records)
    cluster.recreate(topic)
    tail.unwatch(topic)
    tail.watch(topic, {0: 0})
    cluster.append(topic, b"new")
    await until(lambda: len(listener.records) >= 2)
    assert [(r.offset, r.value) for r in listener.records] == [(0, b"old"), (0, b"new")]
