"""Where a tail consumer stands."""

from tailrace.core.records import Chunk, Record
from tailrace.kafka.tail_places import Place, Places


def test_a_place_behind_for_five_seconds_looks_stalled():
    """Counted from when the end was first seen beyond the position."""
    place = Place("t", 0, 1, position=10)
    assert not place.looks_stalled(12, now=100.0)
    assert not place.looks_stalled(13, now=104.9)
    assert place.looks_stalled(13, now=105.0)


def test_progress_starts_the_clock_again():
    """A record read meanwhile is no stall."""
    place = Place("t", 0, 1, position=10)
    place.looks_stalled(12, now=100.0)
    place.position = 11
    assert not place.looks_stalled(12, now=106.0)
    assert place.looks_stalled(12, now=111.0)


def test_an_end_told_is_not_told_again():
    """Until the log grows further."""
    place = Place("t", 0, 1, position=10, told_end=12)
    place.looks_stalled(12, now=100.0)
    assert not place.looks_stalled(12, now=200.0)


def test_reading_moves_the_places():
    """The watch of what is read is known, of other topics not."""
    places = Places()
    for partition in (0, 1):
        places.add(Place("t", partition, 7, 0))
    records = [Record("t", 0, 4, 0, None, None), Record("t", 1, 9, 0, None, None)]
    assert places.moved(Chunk.of(records)) == 7
    assert [place.position for place in places.all()] == [5, 10]
    assert places.moved(Chunk.of([Record("u", 0, 0, 0, None, None)])) is None


def test_a_topic_given_up_is_forgotten():
    """Its places are handed back once."""
    places = Places()
    places.add(Place("t", 0, 1, 0))
    assert len(places.remove("t")) == 1
    assert (places.remove("t"), bool(places), places.get("t", 0)) == ([], False, None)
