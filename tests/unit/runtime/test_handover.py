"""Two threads and their batches: revoking, interrupting, closing."""

import threading

import pytest

from tailrace.core.groups import Spot
from tailrace.core.records import Record
from tailrace.memory.group import MemoryPolled
from tailrace.runtime.handover import WAITING_BATCHES, Handover

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


def test_there_is_a_bound(handover):
    """Only so many batches wait."""
    for n in range(WAITING_BATCHES):
        assert handover.room()
        handover.put(batch(n))
    assert not handover.room()
    handover.take()
    assert handover.room()


def test_a_revoked_partition_does_not_wait_any_more(handover):
    """Its records leave the batches that wait."""
    handover.put(batch(0, 1, 2))
    handover.put(batch(3))
    assert handover.revoke([RIGHT], 0) == {}
    assert handover.take()[0].values() == [b"0", b"2"]
    assert handover.idle()


def test_what_is_settled_is_committed_at_a_revoke(handover):
    """Once, and of these partitions only."""
    handover.settle({LEFT: 3, RIGHT: 5})
    assert handover.revoke([RIGHT], 0) == {RIGHT: 5}
    assert handover.settled() == {LEFT: 3}


def test_a_revoke_waits_for_the_record_in_hand(handover):
    """The handling thread is interrupted, settles, and hears what it has lost."""
    handover.put(batch(0, 1, 2))
    handover.take()
    answers = []
    revoking = in_thread(lambda: answers.append(handover.revoke([LEFT], 20)))
    assert not handover.wait(20)
    handover.settle({LEFT: 1})
    assert handover.boundary() == (True, {LEFT})
    revoking.join(20)
    assert answers == [{LEFT: 1}]
    assert not handover.interrupted


def test_a_revoke_does_not_wait_for_ever(handover):
    """A record that takes longer is no longer ours: what it settles later is not committed."""
    handover.put(batch(0))
    handover.take()
    assert handover.revoke([LEFT], 0.01) == {}
    assert handover.interrupted
    handover.settle({LEFT: 1})
    assert handover.settled() == {}
    assert handover.boundary() == (True, {LEFT})


def test_a_partition_that_comes_back_counts_again(handover):
    """The next batch comes with what was lost before it, and with it nothing is lost any more."""
    handover.revoke([LEFT], 0)
    handover.put(batch(2))
    assert handover.take()[1] == {LEFT}
    handover.settle({LEFT: 3})
    assert handover.settled() == {LEFT: 3}


def test_closing(handover):
    """What waits is left for others, and nobody waits."""
    handover.put(batch(0))
    handover.close()
    assert handover.take() == (None, set())
    assert handover.boundary() == (False, set())
    assert not handover.wait(20)


def test_an_interruption_ends_a_pause_once(handover):
    """Between two records it is over."""
    handover.interrupt()
    assert not handover.wait(20)
    handover.boundary()
    assert handover.wait(0.001)


def test_nobody_waits_for_a_thread_that_has_ended(handover):
    """A revoke is at once then."""
    handover.put(batch(0))
    handover.take()
    handover.end()
    assert handover.revoke([LEFT], 20) == {}
