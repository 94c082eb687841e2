"""The one deadline of a stop."""

import time

from tailrace.transports.stop import StopDeadline


def test_each_step_gets_half_of_what_is_left():
    """However long the first ones take, the last has its time."""
    deadline = StopDeadline(20)
    deadline.begin()
    assert 9 < deadline.share() <= 10


def test_it_counts_from_the_first_call():
    """Whoever asks for a stop that has begun does not prolong it."""
    deadline = StopDeadline(0.05)
    deadline.begin()
    end = time.monotonic() + 0.05
    while time.monotonic() < end:
        deadline.begin()
    assert (deadline.left(), deadline.share()) == (0, 0)


def test_a_stop_can_be_given_less_time_never_more():
    """What is set is the most."""
    for within, left in ((5, 5), (500, 20)):
        deadline = StopDeadline(20)
        deadline.begin(within)
        assert left - 1 < deadline.left() <= left
