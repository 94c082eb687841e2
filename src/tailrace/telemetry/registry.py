"""Counters, gauges and histograms, and Prometheus' text form of them.

Made for one loop: a hot path does `counter.value += n` and nothing else, so there is no lock.
"""

from abc import ABC, abstractmethod
from bisect import bisect_left
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from math import inf
from typing import Generic, TypeVar

CONTENT_TYPE = "text/plain; version=0.0.4; charset=utf-8"
OTHER = "other"

Labels = Sequence[tuple[str, str]]


class Metric(ABC):
    """One number or more under one name, with what it means."""

    kind: str

    def __init__(self, name: str, meaning: str, *, unit: str = "", labels: Sequence[str] = ()) -> None:
        self.name = name
        self.meaning = meaning
        self.unit = unit
        self.labels = labels

    @abstractmethod
    def samples(self, labels: Labels) -> Iterator[str]:
        """Its lines in the text form."""


class Counter(Metric):
    """Only ever grows; `source` is asked when the metrics are, where the number is known elsewhere."""

    kind = "counter"
    value: float = 0
    source: Callable[[], float] | None = None

    def samples(self, labels: Labels) -> Iterator[str]:
        """One line."""
        yield _line(self.name, labels, self.source() if self.source else self.value)


class Gauge(Metric):
    """Goes up and down; `source` is asked when the metrics are, where the number is known elsewhere."""

    kind = "gauge"
    value: float = 0
    source: Callable[[], float] | None = None

    def samples(self, labels: Labels) -> Iterator[str]:
        """One line."""
        yield _line(self.name, labels, self.source() if self.source else self.value)


class Histogram(Metric):
    """How values spread over buckets, each given by its upper bound."""

    kind = "histogram"

    def __init__(
        self,
        name: str,
        meaning: str,
        *,
        unit: str = "",
        labels: Sequence[str] = (),
        bounds: Sequence[float],
    ) -> None:
        super().__init__(name, meaning, unit=unit, labels=labels)
        self._bounds = (*bounds, inf)
        self._counts = [0] * len(self._bounds)
        self._sum = 0.0

    def observe(self, value: float) -> None:
        """Count one value."""
        self._counts[bisect_left(self._bounds, value)] += 1
        self._sum += value

    def samples(self, labels: Labels) -> Iterator[str]:
        """A line a bucket, the sum, the count."""
        total = 0
        for bound, count in zip(self._bounds, self._counts, strict=True):
            total += count
            yield _line(
                f"{self.name}_bucket", (*labels, ("le", "+Inf" if bound == inf else f"{bound:g}")), total
            )
        yield _line(f"{self.name}_sum", labels, self._sum)
        yield _line(f"{self.name}_count", labels, total)


M = TypeVar("M", bound=Metric)


class Family(Metric, Generic[M]):
    """One metric for each combination of label values, at most `most` of them; the rest is "other".

    Keep what `at` returns where it is used often.
    """

    def __init__(self, make: Callable[[], M], *, most: int) -> None:
        pattern = make()
        super().__init__(pattern.name, pattern.meaning, unit=pattern.unit, labels=pattern.labels)
        self.kind = pattern.kind
        self.most = most
        self._make = make
        self._members: dict[tuple[str, ...], M] = {}

    def at(self, *values: str) -> M:
        """The metric of these label values."""
        member = self._members.get(values)
        if member is None:
            if len(self._members) >= self.most:
                values = (OTHER,) * len(self.labels)
            member = self._members.setdefault(values, self._make())
        return member

    def samples(self, labels: Labels) -> Iterator[str]:
        """The lines of all members."""
        for values, member in self._members.items():
            yield from member.samples((*labels, *zip(self.labels, values, strict=True)))


def exposition(metrics: Iterable[Metric]) -> bytes:
    """Prometheus' text form."""
    lines: list[str] = []
    for metric in metrics:
        lines += (f"# HELP {metric.name} {_escaped(metric.meaning)}", f"# TYPE {metric.name} {metric.kind}")
        lines += metric.samples(())
    return ("\n".join(lines) + "\n").encode()


def _line(name: str, labels: Labels, value: float) -> str:
    inside = ",".join(f'{label}="{_escaped(text)}"' for label, text in labels)
    return f"{name}{{{inside}}} {_number(value)}" if inside else f"{name} {_number(value)}"


_ESCAPES: Mapping[int, str] = str.maketrans({"\\": r"\\", "\n": r"\n", '"': r"\""})


def _escaped(text: str) -> str:
    return text.translate(_ESCAPES)


def _number(value: float) -> str:
    return str(int(value)) if value == int(value) else repr(value)
