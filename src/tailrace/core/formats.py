"""How a stream looks to its client: the core shares bytes between readers of the same format object."""

from collections.abc import Mapping, Sequence
from typing import Protocol

from tailrace.core.records import Chunk


class Format(Protocol):
    """Turns chunks and events into bytes; one object per kind of stream, compared by identity."""

    @property
    def cursor_in_records(self) -> bool:
        """Whether each record carries the reader's whole cursor, so that its bytes depend on it."""
        ...

    def records(self, chunk: Chunk, tag: str, before: Mapping[int, int]) -> bytes:
        """The chunk's records; `before` is where a reader stood in the topic before the first of them."""
        ...

    def ends(self, chunk: Chunk, data: bytes) -> Sequence[int]:
        """Where each row ends in what `records` made of the chunk."""
        ...

    def cursor(self, text: str) -> bytes:
        """Tells the reader its cursor; empty where the format has no place for it."""
        ...

    def idle(self) -> bytes:
        """A sign of life where there is no cursor to tell yet."""
        ...

    def event(self, name: str, body: Mapping[str, object]) -> bytes | None:
        """A gap, stalled, problem or end; None where the format can't tell and has to break off."""
        ...

    def frame(self, data: bytes) -> bytes:
        """One write's bytes as they go to the transport."""
        ...
