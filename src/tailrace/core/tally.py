"""What streams of one kind have done so far, in numbers that only grow."""

from collections import Counter
from dataclasses import dataclass, field


@dataclass(slots=True)
class Tally:
    """Totals since the start; `open` is how many streams there are now, `gaps` counts by cause."""

    open: int = 0
    records: int = 0
    nbytes: int = 0
    gaps: Counter[str] = field(default_factory=Counter)
