"""The words of results: a measurement yields figures, and a figure may have a target."""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from benchmarks.bench import Bench


@dataclass(frozen=True)
class Figure:
    """One number of a measurement, and what was asked of it."""

    key: str
    what: str
    unit: str = ""
    at_least: float | None = None
    at_most: float | None = None

    def met(self, value: float) -> bool | None:
        """Say whether a value reaches what was asked; None if nothing was."""
        if self.at_least is not None:
            return value >= self.at_least
        return value <= self.at_most if self.at_most is not None else None

    @property
    def asked(self) -> float | None:
        return self.at_least if self.at_least is not None else self.at_most

    def score(self, value: float) -> float | None:
        """Give how many times better than asked a value is: 1 is the target."""
        if self.at_least:
            return value / self.at_least
        return self.at_most / max(value, 1e-9) if self.at_most else None


@dataclass
class Run:
    """What one run of a measurement gave."""

    figures: dict[str, float]
    details: dict[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class Measurement:
    """Something that can be measured by name."""

    name: str
    what: str
    raw: str
    """The raw limit it is compared with, measured in the same run."""
    run: Callable[[Bench], Run]
    figures: tuple[Figure, ...]
