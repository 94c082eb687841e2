"""Records that a reader can no longer have, and the cursors from which they are told."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Gap:
    """Records that this reader can no longer have; `to` None is unknown.

    `tag` is that of the topic that the reader's place was in, where the topic was made again since.
    """

    partition: int
    start: int
    to: int | None
    cause: str
    repeats: bool = False
    tag: str | None = None

    @property
    def before(self) -> int:
        """Where a reader stands that has to be told of it: a cut log is noticed from beyond its end only."""
        return self.to if self.repeats and self.to is not None else self.start

    def event(self, topic: str) -> dict[str, object]:
        """What a client is told of it, but for the cursor."""
        body: dict[str, object] = {
            "topic": topic,
            "partition": self.partition,
            "from": self.start,
            "to": self.to,
            "cause": self.cause,
        }
        return {**body, "repeats": True} if self.repeats else body


def lost_gap(partition: int, offset: int, earliest: int, latest: int) -> Gap:
    """What a reader at `offset` has missed of a log that has `earliest` up to `latest`."""
    if offset < earliest:
        return Gap(partition, offset, earliest, "retention")
    return Gap(partition, latest, offset, "truncated", repeats=True)


def recreated_gaps(positions: Mapping[int, int], tag: str | None) -> Sequence[Gap]:
    """What a reader has missed of a topic that was made again; `tag` is that of the old one."""
    return [Gap(p, offset, None, "recreated", tag=tag) for p, offset in sorted(positions.items())]


def place_before(
    untold: Sequence[Gap], tag: str, positions: Mapping[int, int]
) -> tuple[str, Mapping[int, int]]:
    """The tag and positions of a reader that comes to `positions` once it was told of these gaps.

    Who resumes from there is told of them all, and of none before them.
    """
    positions = dict(positions)
    for gap in reversed(untold):
        if gap.tag is not None and gap.tag != tag:
            # Of the topic as it was only those partitions are named whose loss is still to be told.
            tag, positions = gap.tag, {}
        positions[gap.partition] = gap.before
    return tag, positions
