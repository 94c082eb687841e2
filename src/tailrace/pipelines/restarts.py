"""How often, and how soon, a worker that died is started again."""

FIRST_PAUSE_SECONDS = 0.25
LONGEST_PAUSE_SECONDS = 30.0
HEALTHY_SECONDS = 60.0
"""A worker that ran so long has got over what it died of before: it is counted anew."""


class Restarts:
    """Counts the deaths of one worker; times are given, in seconds of one clock."""

    def __init__(self, limit: int) -> None:
        self.total = 0
        self.in_a_row = 0
        self._limit = limit

    def died(self, ran_seconds: float) -> float | None:
        """The pause before the next start; None if there have been too many in a row."""
        if ran_seconds >= HEALTHY_SECONDS:
            self.in_a_row = 0
        self.in_a_row += 1
        if self.in_a_row > self._limit:
            return None
        self.total += 1
        return min(LONGEST_PAUSE_SECONDS, FIRST_PAUSE_SECONDS * 2.0 ** min(self.in_a_row - 1, 30))
