"""What a pipeline's file says, in values: topics, programs, and what joins them."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from enum import StrEnum
from functools import cached_property
from pathlib import Path
from typing import NamedTuple

from tailrace.pipelines.mistakes import Place

DEFAULT_BROKER = "localhost:9092"
DEFAULT_RESTARTS = 5
START = Place(1, 1)


class Speaks(StrEnum):
    """How a command gets its records."""

    LINES = "lines"
    """One JSON line in, one JSON line out; Tailrace holds the Kafka clients."""
    KAFKA = "kafka"
    """The command has Kafka clients of its own, such as those of `tailrace.program`."""


class Answers(StrEnum):
    """How the end of what a command answers to one line is known."""

    ONE = "one"
    """One line answers one line; an empty one is no result, a JSON list several."""
    MANY = "many"
    """Lines up to an empty one answer one line."""


@dataclass(frozen=True, slots=True)
class Target:
    """A handler, a task or a whole App of a Python module."""

    module: str
    name: str

    def __str__(self) -> str:
        return f"{self.module}:{self.name}"


@dataclass(frozen=True, slots=True)
class Command:
    """An executable with its arguments."""

    argv: tuple[str, ...]
    speaks: Speaks = Speaks.LINES
    answers: Answers = Answers.ONE

    def __str__(self) -> str:
        return " ".join(self.argv)


class Ref(NamedTuple):
    """A topic's name where a program names it."""

    topic: str
    place: Place


@dataclass(frozen=True, slots=True)
class Topic:
    """A topic as the file declares it; None leaves a number to what needs it."""

    name: str
    place: Place = START
    partitions: int | None = None
    replicas: int | None = None
    config: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Program:
    """One program: what to start, what it reads and writes, and how many workers share that."""

    name: str
    place: Place = START
    run: Target | Command | None = None
    reads: tuple[Ref, ...] = ()
    writes: tuple[Ref, ...] = ()
    workers: int = 1
    workers_place: Place = START
    run_place: Place = START
    broker: str = DEFAULT_BROKER
    group: str = ""
    start: str = "earliest"
    format: str = "json"
    args: tuple[str, ...] = ()
    restarts: int = DEFAULT_RESTARTS
    kafka: Mapping[str, object] = field(default_factory=dict)
    given: frozenset[str] = frozenset()
    """What the file itself says, by the keys that decorators may say too."""
    declared: frozenset[str] = frozenset()
    """What decorators say, by the same keys; of a whole App all, as each handler has its own."""

    def says(self, key: str) -> bool:
        """Whether the file's word, or this form's default, is in place of a decorator's."""
        return key in self.given or key not in self.declared

    @property
    def read_topics(self) -> tuple[str, ...]:
        """The names of what it reads."""
        return tuple(ref.topic for ref in self.reads)

    @property
    def written_topics(self) -> tuple[str, ...]:
        """The names of what it writes."""
        return tuple(ref.topic for ref in self.writes)


@dataclass(frozen=True)
class Pipeline:
    """A whole file; `flat` is the older form, which names no topics of its own."""

    name: str
    file: Path
    topics: Mapping[str, Topic]
    programs: Mapping[str, Program]
    cycles: bool = False
    flat: bool = False

    @property
    def folder(self) -> Path:
        """Where its modules and executables are looked for, and where its programs run."""
        return self.file.absolute().parent

    def topic_names(self) -> Sequence[str]:
        """All topics, in the order in which the file names them."""
        return self._names

    def writers(self, topic: str) -> Sequence[Program]:
        """The programs that write a topic."""
        return self._writers.get(topic, ())

    def readers(self, topic: str) -> Sequence[Program]:
        """The programs that read a topic."""
        return self._readers.get(topic, ())

    @cached_property
    def _names(self) -> Sequence[str]:
        named = [*self.topics]
        for program in self.programs.values():
            named += [*program.read_topics, *program.written_topics]
        return list(dict.fromkeys(named))

    # Made once: a graph of a thousand programs is asked about each of its topics many times.
    @cached_property
    def _writers(self) -> Mapping[str, Sequence[Program]]:
        return self._by_topic(lambda program: program.written_topics)

    @cached_property
    def _readers(self) -> Mapping[str, Sequence[Program]]:
        return self._by_topic(lambda program: program.read_topics)

    def _by_topic(self, topics: Callable[[Program], Sequence[str]]) -> Mapping[str, Sequence[Program]]:
        found: dict[str, list[Program]] = {}
        for program in self.programs.values():
            for topic in dict.fromkeys(topics(program)):
                found.setdefault(topic, []).append(program)
        return found

    def partitions(self, topic: str) -> int | None:
        """As many as are declared, or as its readers have workers; None leaves it to the broker."""
        declared = self.topics.get(topic)
        if declared and declared.partitions:
            return declared.partitions
        most = max((program.workers for program in self.readers(topic)), default=1)
        return most if most > 1 else None

    def at(self, broker: str) -> "Pipeline":
        """The same toward another broker."""
        moved = {name: replace(program, broker=broker) for name, program in self.programs.items()}
        return replace(self, programs=moved)
