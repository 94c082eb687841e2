"""The cluster in memory."""

import pytest

from tailrace.core.errors import BadRequest, BrokerUnavailable, TopicExists, TopicNotFound
from tailrace.memory import MemoryLog


@pytest.fixture
def log():
    """A log with one topic of two partitions."""
    made = MemoryLog()
    made.create("t", 2)
    return made


def offsets(log, start=0, partition=0):
    return [r.offset for r in log.topic("t").partitions[partition].stable(start)]


def test_offsets_count_per_partition(log):
    """Each partition starts at 0."""
    log.append("t", b"a", b"b")
    assert log.append("t", b"c", partition=1) == 0
    assert (offsets(log), offsets(log, partition=1)) == ([0, 1], [0])


def test_holes_use_up_offsets(log):
    """The next record lies behind them."""
    log.append("t", b"a")
    log.hole("t", offsets=3)
    assert log.append("t", b"b") == 4


def test_an_open_transaction_hides_what_follows(log):
    """Until it is committed; the marker takes an offset."""
    log.append("t", b"a")
    log.begin("t")
    log.append("t", b"b")
    assert offsets(log) == [0]
    log.commit("t")
    assert (offsets(log), log.topic("t").partitions[0].latest) == ([0, 1], 3)


def test_an_aborted_transaction_leaves_holes(log):
    """Its records are never seen."""
    log.begin("t")
    log.append("t", b"x", b"y")
    log.abort("t")
    assert log.append("t", b"a") == 3
    assert offsets(log) == [3]


def test_retention_stops_at_the_end(log):
    """Nothing is trimmed that is not there."""
    log.append("t", b"a", b"b")
    log.trim("t", 10)
    partition = log.topic("t").partitions[0]
    assert (partition.earliest, partition.end, offsets(log)) == (2, 2, [])


def test_a_truncated_log_uses_offsets_again(log):
    """As after an unclean election."""
    log.append("t", b"a", b"b", b"c")
    log.truncate("t", 1)
    assert log.append("t", b"d") == 1


def test_a_topic_made_again_is_another(log):
    """Its tag differs, it is empty and has as many partitions."""
    before = log.topic("t")
    log.append("t", b"a")
    after = log.recreate("t")
    assert after.tag != before.tag
    assert (len(after.partitions), after.partitions[0].end) == (2, 0)


def test_what_cannot_be(log):
    """Names and numbers are checked as Kafka does."""
    with pytest.raises(TopicExists):
        log.create("t")
    with pytest.raises(BadRequest):
        log.create("a/b")
    with pytest.raises(TopicNotFound):
        log.delete("missing")
    with pytest.raises(BadRequest):
        log.grow("t", 2)


def test_a_broker_away_refuses(log):
    """Until it is back."""
    log.away = True
    with pytest.raises(BrokerUnavailable):
        log.check()
    log.away = False
    log.check()
