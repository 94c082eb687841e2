"""The highest rate that holds: step upwards until it breaks, then narrow down."""

from collections.abc import Callable
from typing import Protocol, TypeVar


class Attempt(Protocol):
    """One try at a rate."""

    @property
    def holds(self) -> bool: ...


A = TypeVar("A", bound=Attempt)

STEP = 1.25
NARROWINGS = 2
TRIES = 2
"""A rate is given up after so many failures: other processes of the machine may spoil one."""
MOST_STEPS = 12


def highest(attempt: Callable[[float], A], start: float) -> tuple[float, A] | None:
    """Give the highest rate that held and what it gave; None if even a 60th of the start breaks."""

    def holds(rate: float) -> A | None:
        tries = (attempt(rate) for _ in range(TRIES))
        return next((tried for tried in tries if tried.holds), None)

    best, broke = _bracket(holds, start)
    if best is None:
        return None
    for _ in range(NARROWINGS if broke else 0):
        middle = (best[0] * broke) ** 0.5
        tried = holds(middle)
        if tried:
            best = (middle, tried)
        else:
            broke = middle
    return best


def _bracket(holds: Callable[[float], A | None], start: float) -> tuple[tuple[float, A] | None, float]:
    rate, best, broke = start, None, 0.0
    for _ in range(MOST_STEPS):
        tried = holds(rate)
        if tried:
            best = (rate, tried)
        else:
            broke = rate
        if best and broke:
            break
        rate = rate * STEP if best else rate / STEP**2
    return best, broke
