"""When a worker that died is started again."""

from tailrace.pipelines.restarts import HEALTHY_SECONDS, Restarts


def test_pauses_grow_up_to_a_limit():
    """A quarter of a second, then twice as long each time."""
    restarts = Restarts(100)
    assert [restarts.died(0) for _ in range(9)] == [0.25, 0.5, 1, 2, 4, 8, 16, 30, 30]


def test_too_many_in_a_row_end_it():
    """The limit is that of restarts, not of deaths."""
    restarts = Restarts(2)
    assert [restarts.died(1) for _ in range(3)] == [0.25, 0.5, None]
    assert restarts.total == 2


def test_a_worker_that_ran_long_is_counted_anew():
    """It had got over what it died of before."""
    restarts = Restarts(2)
    assert [restarts.died(s) for s in (0, 0, HEALTHY_SECONDS, 0, 0)] == [0.25, 0.5, 0.25, 0.5, None]
    assert (restarts.total, restarts.in_a_row) == (4, 3)


def test_no_restart_is_a_limit_too():
    """restarts: 0."""
    assert Restarts(0).died(0) is None
