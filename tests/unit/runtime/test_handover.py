"""One reader between two threads: lending, revoking, interrupting, closing."""

import threading

import pytest

from tailrace.core.groups import Spot
from tailrace.core.records import Record
from tailrace.memory.group import MemoryPolled
from tailrace.runtime.handover import Handover

LEFT, RIGHT = Spot("t", 0), Spot("t", 1)


def batch(*offsets):
    return MemoryPolled([Record("t", n % 2, n, 0, None, b"%d" % n) for n in offsets])


@pytest.fixture
def handover():
    return Handover()


def in_thread(function):
    """Run it beside the test; answers the thread."""
    thread = threading.Thread(target=function, daemon=True)
    thread.start()
    return thread


def test_the_reader_is_lent_while_the_work_takes_long(handover):
    """Whoever works longer has it back when the keeper gives it."""
    handover.polled()
    handover.work()
    assert handover.borrow(0.001)
    assert not handover.wanted_back(0)
    owned = []
    owning = in_thread(lambda: owned.append(handover.own()))
    assert handover.wanted_back(20)
    assert not owned
    handover.give_back()
    owning.join(20)
    assert owned == [(True, set())]


def test_the_reader_is_not_lent_between_two_records(handover):
    """However long ago it was polled; at the end nobody has it."""
    handover.polled()
    borrowed = []
    borrowing = in_thread(lambda: borrowed.append(handover.borrow(0.001)))
    handover.own()
    handover.end()
    borrowing.join(20)
    assert borrowed == [False]


def test_what_comes_while_the_reader_is_lent_is_handled_next(handover):
    """In order, and but for what went to others meanwhile."""
    handover.keep(batch(0, 1, 2))
    handover.keep(batch(3))
    handover.keep(batch(4))
    assert handover.lose([RIGHT]) == {}
    assert handover.polled().values() == [b"0", b"2"]
    assert handover.polled().values() == [b"4"]
    assert handover.polled() is None


def test_what_is_settled_is_committed_at_a_revoke(handover):
    """Once, and of these partitions only."""
    handover.settle({LEFT: 3, RIGHT: 5})
    assert handover.revoke([RIGHT], 0) == {RIGHT: 5}
    assert handover.settled() == {LEFT: 3}


def test_a_revoke_waits_for_the_record_in_hand(handover):
    """The handling thread is interrupted, settles, and hears what it has lost."""
    handover.polled()
    handover.work()
    assert handover.borrow(0)
    answers = []

    def revoke():
        answers.append(handover.revoke([LEFT], 20))
        handover.give_back()

    revoking = in_thread(revoke)
    assert not handover.wait(20)
    handover.settle({LEFT: 1})
    assert handover.own() == (True, {LEFT})
    revoking.join(20)
    assert answers == [{LEFT: 1}]
    assert not handover.interrupted


def test_a_revoke_does_not_wait_for_ever(handover):
    """A record that takes longer is no longer ours: what it settles later is not committed."""
    handover.work()
    assert handover.revoke([LEFT], 0.01) == {}
    assert handover.interrupted
    handover.settle({LEFT: 1})
    assert handover.settled() == {}
    assert handover.own() == (True, {LEFT})


def test_a_partition_that_comes_back_counts_again(handover):
    """Once the handling thread has heard that it was lost."""
    handover.revoke([LEFT], 0)
    assert handover.own()[1] == {LEFT}
    handover.settle({LEFT: 3})
    assert handover.settled() == {LEFT: 3}


def test_closing(handover):
    """What waits is left for others, and nobody waits."""
    handover.keep(batch(0))
    handover.close()
    assert handover.own() == (False, set())
    assert handover.polled() is None
    assert not handover.wait(20)


def test_an_interruption_ends_a_pause_once(handover):
    """Between two records it is over."""
    handover.interrupt()
    assert not handover.wait(20)
    handover.own()
    assert handover.wait(0.001)


def test_nobody_waits_for_a_thread_that_has_ended(handover):
    """A revoke is at once then."""
    handover.work()
    handover.end()
    assert handover.revoke([LEFT], 20) == {}
