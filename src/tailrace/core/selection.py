"""Which of a topic's records a reader wants."""

from collections.abc import Mapping
from dataclasses import dataclass, replace

from tailrace.core.routes import Match


@dataclass(frozen=True, slots=True)
class Selection:
    """Which of a topic's records a reader wants.

    `partitions` None is all; `to` is the offset at which each partition ends; `counted` says that the
    reader ends after a number of records, so that it can't take whole chunks.
    """

    match: Match | None = None
    partitions: frozenset[int] | None = None
    to: Mapping[int, int] | None = None
    counted: bool = False

    @property
    def bounded(self) -> bool:
        """Whether a reader of it has to look at each partition's rows to the end."""
        return self.partitions is not None or self.to is not None or self.counted

    def up_to(self, to: Mapping[int, int]) -> "Selection":
        """The same, to these ends of the partitions that are wanted."""
        return replace(self, to={p: offset for p, offset in to.items() if self.wants(p)})

    def wants(self, partition: int) -> bool:
        """Whether the partition is read."""
        return self.partitions is None or partition in self.partitions

    def end(self, partition: int) -> int | None:
        """The offset at which a partition ends; one that was made after `to` was fixed ends at once."""
        return None if self.to is None else self.to.get(partition, 0)

    def ended(self, positions: Mapping[int, int]) -> frozenset[int]:
        """The partitions that have come to their `to`."""
        to = self.to
        if to is None:
            return frozenset()
        return frozenset(p for p, offset in positions.items() if offset >= to.get(p, 0))

    def finished(self, positions: Mapping[int, int]) -> bool:
        """Whether `to` is reached in every partition."""
        return self.to is not None and all(positions.get(p, 0) >= end for p, end in self.to.items())
