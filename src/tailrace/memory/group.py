"""Groups in memory: members share partitions, and what they have committed is kept."""

import threading
import time
from collections.abc import Collection, Sequence
from dataclasses import dataclass, field
from itertools import islice

from tailrace.core.groups import OnRevoked, Positions, Spot, StartAt
from tailrace.core.records import Headers, Record
from tailrace.memory.log import MemoryLog, MemoryTopic


class MemoryPolled:
    """Records as a member has read them."""

    def __init__(self, records: Sequence[Record]) -> None:
        self._records = records

    def __len__(self) -> int:
        return len(self._records)

    def values(self) -> list[bytes | None]:
        """The values, a row each."""
        return [record.value for record in self._records]

    def keys(self) -> list[bytes | None]:
        """The keys, a row each."""
        return [record.key for record in self._records]

    def headers(self) -> list[Headers]:
        """The headers, a row each."""
        return [record.headers for record in self._records]

    def record(self, row: int) -> Record:
        """One row with all that the log keeps of it."""
        return self._records[row]

    def ends(self, start: int, stop: int) -> Positions:
        """For each partition among rows `start` to `stop` (exclusive), the offset after its last one."""
        return {_spot(record): record.offset + 1 for record in self._records[start:stop]}

    def rest(self, start: int, lost: Collection[Spot]) -> "MemoryPolled":
        """The rows from `start` on without those of the lost partitions; may be none."""
        return MemoryPolled([record for record in self._records[start:] if _spot(record) not in lost])


@dataclass
class MemoryGroup:
    """Who belongs to a group, who reads which partition, and what is committed."""

    members: list["MemoryGroupReader"] = field(default_factory=list)
    owners: dict[Spot, "MemoryGroupReader"] = field(default_factory=dict)
    committed: dict[Spot, int] = field(default_factory=dict)


class MemoryGroupReader:
    """A member of a group, or with a group of its own that is thrown away a reader of everything."""

    def __init__(
        self,
        log: MemoryLog,
        group: MemoryGroup,
        topics: Collection[str],
        start: StartAt,
        on_revoked: OnRevoked,
        *,
        commits: bool = True,
    ) -> None:
        self._log = log
        self._group = group
        self.topics = tuple(topics)
        self._start = start
        self._on_revoked = on_revoked
        self._commits = commits
        self._paused = False
        self._positions: dict[Spot, int] = {}
        self._ends = {spot: end for topic in self._existing() for spot, end in _ends(topic)}
        self.assigned = False
        self._changed = threading.Condition()
        log.observe(self._wake, _ignore)
        group.members.append(self)

    def poll(self, most: int, seconds: float) -> MemoryPolled | None:
        """What has come, at most so many rows; waits for the first only."""
        deadline = time.monotonic() + seconds
        with self._changed:
            while True:
                self._rebalance()
                records = [] if self._paused or self._log.away else self._take(most)
                if records:
                    return MemoryPolled(records)
                left = deadline - time.monotonic()
                if left <= 0:
                    return None
                self._changed.wait(min(left, _LOOK_SECONDS))

    def pause(self) -> None:
        """Bring nothing more."""
        self._paused = True

    def resume(self) -> None:
        """Go on after a pause."""
        self._paused = False

    def commit(self, positions: Positions, *, wait: bool) -> None:  # noqa: ARG002  # nothing takes time here
        """Store the next offsets to read."""
        if self._commits:
            self._group.committed.update(positions)

    def uncommitted(self) -> bool:
        """Nothing is."""
        return False

    def close(self) -> None:
        """Leave the group."""
        self._release(set(self._positions))
        self._group.members.remove(self)
        self._log.forget(self._wake, _ignore)

    def _rebalance(self) -> None:
        wanted = self._wanted()
        self._release(self._positions.keys() - wanted)
        for spot in sorted(wanted - self._positions.keys()):
            if self._group.owners.setdefault(spot, self) is self:
                self._positions[spot] = self._first(spot)
        self.assigned = True

    def _wanted(self) -> set[Spot]:
        wanted: set[Spot] = set()
        for topic in self._existing():
            sharing = [one for one in self._group.members if topic.name in one.topics]
            mine = range(sharing.index(self), len(topic.partitions), len(sharing))
            wanted.update(Spot(topic.name, partition) for partition in mine)
        return wanted

    def _release(self, spots: set[Spot]) -> None:
        if not spots:
            return
        self.commit(self._on_revoked(spots), wait=True)
        for spot in spots:
            del self._positions[spot]
            del self._group.owners[spot]

    def _first(self, spot: Spot) -> int:
        earliest = self._log.topic(spot.topic).partitions[spot.partition].earliest
        if spot in self._group.committed:
            return self._group.committed[spot]
        if self._start == "earliest" or spot not in self._ends:
            return earliest
        self.commit({spot: self._ends[spot]}, wait=True)
        return self._ends[spot]

    def _take(self, most: int) -> list[Record]:
        taken: list[Record] = []
        for spot, position in self._positions.items():
            log = self._log.topic(spot.topic).partitions[spot.partition]
            found = list(islice(log.stable(position), most - len(taken)))
            if found:
                self._positions[spot] = found[-1].offset + 1
                taken += found
        return taken

    def _existing(self) -> list[MemoryTopic]:
        return [topic for topic in self._log.topics() if topic.name in self.topics]

    def _wake(self) -> None:
        with self._changed:
            self._changed.notify_all()


# What other members do is not told, so it is looked for.
_LOOK_SECONDS = 0.01


def _ends(topic: MemoryTopic) -> list[tuple[Spot, int]]:
    return [(Spot(topic.name, number), log.latest) for number, log in enumerate(topic.partitions)]


def _ignore(topic: MemoryTopic, partition: int) -> None:
    """An open transaction is waited for."""


def _spot(record: Record) -> Spot:
    return Spot(record.topic, record.partition)
