from tailrace.cli.filtered import FilteredScan
from tailrace.core.cursors import Cursor
from tailrace.core.records import Record
from tailrace.core.routes import KEY, Match
from tailrace.core.scans import Progress, RecordBatch


def record(partition, offset, key):
    return Record("t", partition, offset, 0, key, b"%d" % offset)


class Scanned:
    """A scan that has read all there is in one batch."""

    def events(self):
        rows = [(0, 0, b"a"), (0, 1, b"b"), (1, 5, b"a"), (0, 2, b"a"), (1, 6, b"a"), (0, 3, b"b")]
        yield RecordBatch([record(*row) for row in rows])

    def cursor(self):
        return Cursor.parse("t~abcdef:0@4,1@7,2@9")

    def progress(self):
        return Progress(6, 6)


def read(limit):
    scan = FilteredScan(Scanned(), Match(KEY, b"a"), limit)
    events = [event for event in scan.events() if event is not None]
    return [value for batch in events for value in batch.values()], str(scan.cursor())


def test_what_does_not_match_is_left_out():
    """The cursor stands behind it all the same."""
    assert read(None) == ([b"0", b"5", b"2", b"6"], "t~abcdef:0@4,1@7,2@9")


def test_a_limit_in_the_middle_leaves_the_rest_unread():
    """Each partition goes on with the first record behind the last one wanted."""
    assert read(2) == ([b"0", b"5"], "t~abcdef:0@2,1@6,2@9")
