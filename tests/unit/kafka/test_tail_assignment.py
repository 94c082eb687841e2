"""Where a tail consumer stands."""

from tailrace.core.records import Chunk, Record
from tailrace.kafka.tail_assignment import AssignedPartition, Assignment


def test_a_place_behind_for_five_seconds_looks_stalled():
    """Counted from when the end was first seen beyond the position."""
    assigned = AssignedPartition("t", 0, 1, position=10)
    assert not assigned.looks_stalled(12, now=100.0)
    assert not assigned.looks_stalled(13, now=104.9)
    assert assigned.looks_stalled(13, now=105.0)


def test_progress_starts_the_clock_again():
    """A record read meanwhile is no stall."""
    assigned = AssignedPartition("t", 0, 1, position=10)
    assigned.looks_stalled(12, now=100.0)
    assigned.position = 11
    assert not assigned.looks_stalled(12, now=106.0)
    assert assigned.looks_stalled(12, now=111.0)


def test_an_end_told_is_not_told_again():
    """Until the log grows further."""
    assigned = AssignedPartition("t", 0, 1, position=10, told_end=12)
    assigned.looks_stalled(12, now=100.0)
    assert not assigned.looks_stalled(12, now=200.0)


def test_reading_moves_the_places():
    """The watch of what is read is known, of other topics not."""
    assignment = Assignment()
    for partition in (0, 1):
        assignment.add(AssignedPartition("t", partition, 7, 0))
    records = [Record("t", 0, 4, 0, None, None), Record("t", 1, 9, 0, None, None)]
    assert assignment.moved(Chunk.of(records)) == 7
    assert [assigned.position for assigned in assignment.all()] == [5, 10]
    assert assignment.moved(Chunk.of([Record("u", 0, 0, 0, None, None)])) is None


def test_a_topic_given_up_is_forgotten():
    """Its partitions are handed back once."""
    assignment = Assignment()
    assignment.add(AssignedPartition("t", 0, 1, 0))
    assert len(assignment.remove("t")) == 1
    assert (assignment.remove("t"), bool(assignment), assignment.get("t", 0)) == ([], False, None)
