"""What one turn of a reader brings: bytes for one write, bounded."""

from collections.abc import Callable, Mapping

from tailrace.core.formats import Format

Piece = bytes | memoryview


class Output:
    """Pieces of one write, and how much more may be added.

    Args:
        format_: what events are turned into.
        nbytes: about how many bytes to write at most.
        records: how many records to write at most; None for no bound.
        cursor: the reader's whole cursor as of now.
    """

    def __init__(self, format_: Format, nbytes: int, records: int | None, cursor: Callable[[], str]) -> None:
        self.format = format_
        self.pieces: list[Piece] = []
        self.records = 0
        self.gaps: list[str] = []
        self.broken = False
        self._bytes_left = nbytes
        self._records_left = records
        self._cursor = cursor

    @property
    def full(self) -> bool:
        """Whether no more records may be added."""
        return self._bytes_left <= 0 or self._records_left == 0 or self.broken

    def room(self, row_bytes: float) -> int:
        """How many more rows of this average size may be added: one at least, unless it is full."""
        if self.full:
            return 0
        rows = max(1, int(self._bytes_left / max(row_bytes, 1)))
        return rows if self._records_left is None else min(rows, self._records_left)

    def add(self, piece: Piece, records: int) -> None:
        """Add the bytes of some records."""
        self.pieces.append(piece)
        self.records += records
        self._bytes_left -= len(piece)
        if self._records_left is not None:
            self._records_left -= records

    def event(self, name: str, body: Mapping[str, object]) -> None:
        """Add an event with the cursor as of now; a format that can't tell it breaks off."""
        data = self.format.event(name, {**body, "cursor": self._cursor()})
        if data is None:
            self.broken = True
        else:
            self.pieces.append(data)
        if name == "gap":
            self.gaps.append(str(body["cause"]))
