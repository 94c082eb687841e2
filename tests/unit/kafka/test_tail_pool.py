"""How watched partitions are divided among tail consumers."""

from dataclasses import dataclass

import pytest

from tailrace.kafka.tail_pool import TailPool


@dataclass(eq=False)
class Reading:
    number: int
    partitions: int = 0


@pytest.fixture
def pool():
    return TailPool(Reading, share=4, consumers=3, full=8)


def fill(pool, sizes):
    for partitions in sizes:
        pool.consumer(partitions).partitions += partitions
    return [one.partitions for one in pool]


def test_another_one_is_made_when_all_have_their_share(pool):
    """One after another, up to as many as there may be."""
    assert fill(pool, [1] * 4) == [4]
    assert fill(pool, [1]) == [4, 1]
    assert fill(pool, [1] * 7) == [4, 4, 4]


def test_the_one_that_reads_least_is_next(pool):
    """Also where another one has read less before."""
    fill(pool, [1] * 12)
    second = list(pool)[1]
    second.partitions = 1
    assert pool.consumer(2) is second


def test_beyond_all_shares_all_are_filled_before_one_more_is_made(pool):
    """A topic of many partitions goes to one consumer, alone if it must."""
    assert fill(pool, [1] * 24) == [8, 8, 8]
    assert not pool.has_room(1)
    assert fill(pool, [20]) == [8, 8, 8, 20]


def test_a_topic_larger_than_a_share_is_taken(pool):
    """By a consumer that reads nothing else."""
    assert fill(pool, [20, 1]) == [20, 1]


def test_there_is_room_while_consumers_may_be_made(pool):
    """And after that, as far as one can be filled."""
    assert pool.has_room(100)
    fill(pool, [4] * 3)
    assert pool.has_room(4)
    assert not pool.has_room(5)


def test_a_retired_one_is_given_nothing_more(pool):
    """Another one is made in its place, with a number of its own."""
    fill(pool, [1] * 5)
    first, second = pool
    pool.retire(first)
    assert first not in pool
    assert fill(pool, [4]) == [1, 4]
    assert [one.number for one in pool] == [second.number, 3]
