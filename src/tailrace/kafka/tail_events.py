"""What passes between the loop and a tail's reading threads."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import NamedTuple

from tailrace.core.records import Chunk


@dataclass(frozen=True, slots=True)
class Assign:
    """Loop to thread: read a topic from the offset of each partition; `watch` marks what comes of it.

    `at_once` says that nobody else reads it meanwhile.
    """

    topic: str
    watch: int
    positions: Mapping[int, int]
    at_once: bool


@dataclass(frozen=True, slots=True)
class Unassign:
    """Loop to thread: stop reading a topic, as far as it was assigned for this watch."""

    topic: str
    watch: int


Command = Assign | Unassign


class Found(NamedTuple):
    """Thread to loop: the next records of a topic."""

    watch: int
    chunk: Chunk


class PositionLost(NamedTuple):
    """Thread to loop: a partition cannot be read at an offset and goes on at another."""

    watch: int
    topic: str
    partition: int
    at: int
    cause: str
    resume_at: int


class Stalled(NamedTuple):
    """Thread to loop: an open transaction holds a partition back."""

    watch: int
    topic: str
    partition: int
    offset: int


class Reading(NamedTuple):
    """Thread to loop: every partition of a topic was fetched, so that another reader may leave it."""

    watch: int
    topic: str


Event = Found | PositionLost | Stalled | Reading
