"""Equality on something of a record, found by one look-up a record whatever the number of readers."""

from collections.abc import Callable, Hashable, Sequence
from dataclasses import dataclass

from tailrace.core.records import Chunk

Extract = Callable[[Chunk], Sequence[Hashable]]


@dataclass(frozen=True, slots=True)
class Route:
    """What is compared: its name tells routes apart, `extract` gives each row's value of it."""

    name: str
    extract: Extract

    def __hash__(self) -> int:
        return hash(self.name)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Route) and other.name == self.name


@dataclass(frozen=True, slots=True)
class Match:
    """The rows whose route has this value."""

    route: Route
    value: Hashable


KEY = Route("key", lambda chunk: chunk.keys)
