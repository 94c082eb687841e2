"""What a place has asked of the log: one question a partition, owed when it is not answered in time."""

from collections.abc import Callable
from dataclasses import dataclass

from tailrace.core.blocks import BlockCache, Key
from tailrace.core.partition_blocks import Answer

# A partition whose read has not answered for this long is owed: the others go on without it.
OWED_AFTER_SECONDS = 1.0


@dataclass(frozen=True, slots=True)
class _Question:
    """What was asked of the log and is not answered yet."""

    since: float
    withdraw: Callable[[], None]


class Questions(dict[int, _Question]):
    """The open questions by partition: the place looks at whether there are any in every turn.

    Args:
        blocks: who is asked.
        clock: seconds, monotonic.
    """

    __slots__ = ("_blocks", "_clock")

    def __init__(self, blocks: BlockCache, clock: Callable[[], float]) -> None:
        super().__init__()
        self._blocks = blocks
        self._clock = clock

    def ask(self, key: Key, offset: int, answered: Callable[[Answer], None]) -> None:
        """Have an offset of a partition read; `answered` is told when that is done."""
        partition = key[2]

        def close(answer: Answer) -> None:
            del self[partition]
            answered(answer)

        self[partition] = _Question(self._clock(), self._blocks.request(key, offset, close))

    def withdraw(self) -> None:
        """No answer counts any more."""
        for question in self.values():
            question.withdraw()
        self.clear()

    def owed(self) -> frozenset[int]:
        """The partitions that can't be read at present, and hold nobody back."""
        if not self:
            return frozenset()
        since = self._clock() - OWED_AFTER_SECONDS
        return frozenset(p for p, question in self.items() if question.since < since)
