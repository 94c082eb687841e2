"""What one call to `append` gave, until each of its records has its outcome. Only the loop touches it."""

from collections.abc import Callable, Sequence

from tailrace.core.errors import TailraceError
from tailrace.core.ports import NewRecord, Outcome

# What a record costs beside its bytes while it is in flight: the client's message, our slots.
OVERHEAD_BYTES = 300


class Batch:
    """Records of one topic; `at` is the next to send, `pending` how many have no outcome yet.

    `failed` are the codes of those that were not stored.
    """

    __slots__ = (
        "asked",
        "at",
        "failed",
        "nbytes",
        "on_done",
        "outcomes",
        "pending",
        "records",
        "told",
        "topic",
    )

    def __init__(
        self,
        topic: str,
        records: Sequence[NewRecord],
        nbytes: int,
        on_done: Callable[[Sequence[Outcome]], None],
    ) -> None:
        self.topic = topic
        self.records = records
        self.nbytes = nbytes
        self.on_done = on_done
        self.at = 0
        self.failed: list[str] = []
        # Whether the topic was asked for just before: then the answer is believed.
        self.asked = False
        self.pending = len(records)
        self.told = False
        self.outcomes: list[Outcome | None] = [None] * len(records)

    def fail_rest(self, error: TailraceError) -> None:
        """Give all that was not sent the same error."""
        rest = len(self.records) - self.at
        self.outcomes[self.at :] = [error] * rest
        self.failed += [error.code] * rest
        self.at = len(self.records)
        self.pending -= rest


def fitting(
    records: Sequence[NewRecord], most: int, most_bytes: int, *, at_least: int = 0
) -> tuple[int, int]:
    """How many records from the front fit into the room, and their bytes."""
    if len(records) <= most and (total := _nbytes(records)) <= most_bytes:
        return len(records), total
    total = 0
    for count, record in enumerate(records[:most]):
        size = _nbytes((record,))
        if total + size > most_bytes and count >= at_least:
            return count, total
        total += size
    return min(most, len(records)), total


def _nbytes(records: Sequence[NewRecord]) -> int:
    size = OVERHEAD_BYTES * len(records)
    size += sum([len(record.value) for record in records if record.value])
    size += sum([len(record.key) for record in records if record.key])
    for headers in [record.headers for record in records if record.headers]:
        size += sum(len(name) + len(value or b"") for name, value in headers)
    return size
