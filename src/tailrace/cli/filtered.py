"""The part of a scan that a filter lets through, for brokers: a gateway filters by itself."""

from collections.abc import Iterator, Sequence

from tailrace.core.cursors import Cursor, Position, TopicCursor
from tailrace.core.records import Record
from tailrace.core.routes import Match
from tailrace.core.scans import Batch, Missing, Progress, RecordBatch, Scan, Waiting


class FilteredScan:
    """The records of a scan that match, up to a limit of them.

    Args:
        scan: without a limit of its own, which would count what does not match.
        match: which records are wanted.
        limit: how many of them.
    """

    def __init__(self, scan: Scan, match: Match, limit: int | None) -> None:
        self._scan = scan
        self._match = match
        self._left = limit
        # The first record of each partition that the scan has read behind the limit.
        self._unread: dict[tuple[str, int], int] = {}

    def cursor(self) -> Cursor:
        """Where to go on after the last event handed out."""
        topics = {}
        for name, topic in self._scan.cursor().topics.items():
            unread = {p: Position(offset) for (t, p), offset in self._unread.items() if t == name}
            topics[name] = TopicCursor({**topic.positions, **unread}, topic.tag)
        return Cursor(topics)

    def progress(self) -> Progress:
        """How far it is, in offsets of all records."""
        return self._scan.progress()

    def events(self) -> Iterator[Batch | Missing | Waiting | None]:
        """What comes, until the scan's end or the limit."""
        for event in self._scan.events():
            if event is None or isinstance(event, Missing | Waiting):
                yield event
                continue
            found = self._matching(event)
            yield RecordBatch(found) if found else None
            if self._left == 0:
                return

    def _matching(self, batch: Batch) -> Sequence[Record]:
        found: list[Record] = []
        route, wanted = self._match.route, self._match.value
        for chunk in batch.chunks():
            for record, value in zip(chunk.records(), route.extract(chunk), strict=True):
                if self._left == 0:
                    self._unread.setdefault((record.topic, record.partition), record.offset)
                elif value == wanted:
                    found.append(record)
                    if self._left is not None:
                        self._left -= 1
        return found
