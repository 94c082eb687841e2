"""What the memory tail does beyond the contract: it is deterministic."""

import pytest

from tailrace.memory import MemoryLog, MemoryTail


class Told(list):
    """What a listener was told."""

    def on_chunk(self, chunk):
        self.append([r.value for r in chunk.records()])

    def on_lost(self, *told):
        self.append(told)

    on_stalled = on_lost


@pytest.fixture
def log():
    """A log with one topic."""
    made = MemoryLog()
    made.create("t")
    return made


def test_nothing_is_told_before_its_turn(log):
    """A hand-over runs when the schedule runs it, once for all that came."""
    told, turns = Told(), []
    MemoryTail(log, told, turns.append).watch("t", {0: 0})
    log.append("t", b"a")
    log.append("t", b"b")
    assert (told, len(turns)) == ([], 1)
    turns.pop()()
    assert told == [[b"a", b"b"]]


def test_a_broker_away_is_waited_for(log):
    """What came meanwhile is told when it is back."""
    told = Told()
    MemoryTail(log, told, lambda turn: turn()).watch("t", {0: 0})
    log.away = True
    log.append("t", b"a")
    assert told == []
    log.away = False
    assert told == [[b"a"]]


def test_chunks_are_bounded(log):
    """At most 500 records are handed over at once."""
    told = Told()
    log.append("t", *(b"x" for _ in range(1_200)))
    MemoryTail(log, told, lambda turn: turn()).watch("t", {0: 0})
    assert [len(values) for values in told] == [500, 500, 200]


def test_a_truncated_log_is_told(log):
    """A position beyond the new end goes on there."""
    told = Told()
    log.append("t", b"a", b"b", b"c")
    MemoryTail(log, told, lambda turn: turn()).watch("t", {0: 3})
    log.truncate("t", 1)
    log.append("t", b"d")
    assert told == [("t", 0, 3, "truncated", 1), [b"d"]]


def test_closed_is_silent(log):
    """Nothing is told after close."""
    told = Told()
    tail = MemoryTail(log, told, lambda turn: turn())
    tail.watch("t", {0: 0})
    tail.close()
    log.append("t", b"a")
    assert told == []
