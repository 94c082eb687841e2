"""What a pipeline's file says, in values: topics, programs, and what joins them."""

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field, replace
from enum import StrEnum
from functools import cached_property
from pathlib import Path
from typing import NamedTuple

from tailrace.pipelines.mistakes import Place

DEFAULT_BROKER = "localhost:9092"
DEFAULT_RESTARTS = 5
START = Place(1, 1)
_KAFKA_PORT = "9092"
_LOOPBACK = ("127.0.0.1", "[::1]")


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


class Stream(NamedTuple):
    """A topic on a cluster, which is named as the first program that uses it names its brokers."""

    topic: str
    cluster: str


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
    partial: bool = False
    """Whether some program could not be read as it is meant: what none of them does is then not known."""

    @property
    def folder(self) -> Path:
        """Where its modules and executables are looked for, and where its programs run."""
        return self.file.absolute().parent

    @cached_property
    def topic_names(self) -> Sequence[str]:
        """All topics, in the order in which the file names them."""
        return list(dict.fromkeys([*self.topics, *(stream.topic for stream in self._used)]))

    @cached_property
    def streams(self) -> Sequence[Stream]:
        """All topics, a name once for each cluster on which programs use it."""
        used: dict[str, list[Stream]] = {}
        for stream in self._used:
            used.setdefault(stream.topic, []).append(stream)
        return [stream for name in self.topic_names for stream in used.get(name, [Stream(name, "")])]

    def read_by(self, program: Program) -> Sequence[Stream]:
        """What a program reads."""
        return [self.stream(topic, program.broker) for topic in program.read_topics]

    def written_by(self, program: Program) -> Sequence[Stream]:
        """What a program writes."""
        return [self.stream(topic, program.broker) for topic in program.written_topics]

    @property
    def apart(self) -> bool:
        """Whether its programs are on several clusters."""
        return len(set(self._clusters.values())) > 1

    def stream(self, topic: str, broker: str) -> Stream:
        """A topic on the cluster of a program's brokers."""
        return Stream(topic, self._clusters[broker])

    def writers(self, stream: Stream) -> Sequence[Program]:
        """The programs that write a topic."""
        return self._writers.get(stream, ())

    def readers(self, stream: Stream) -> Sequence[Program]:
        """The programs that read a topic."""
        return self._readers.get(stream, ())

    @cached_property
    def _used(self) -> Collection[Stream]:
        programs = self.programs.values()
        return dict.fromkeys(one for p in programs for one in (*self.read_by(p), *self.written_by(p)))

    @cached_property
    def _clusters(self) -> Mapping[str, str]:
        """For each program's brokers the first ones of the file that share an address with them."""
        by_address: dict[str, str] = {}
        clusters = {}
        for broker in dict.fromkeys(program.broker for program in self.programs.values()):
            addresses = [_address(one) for one in broker.split(",")]
            cluster = next((by_address[one] for one in addresses if one in by_address), broker)
            by_address |= {one: by_address.get(one, cluster) for one in addresses}
            clusters[broker] = cluster
        return clusters

    # Made once: a graph of a thousand programs is asked about each of its topics many times.
    @cached_property
    def _writers(self) -> Mapping[Stream, Sequence[Program]]:
        return self._by_stream(self.written_by)

    @cached_property
    def _readers(self) -> Mapping[Stream, Sequence[Program]]:
        return self._by_stream(self.read_by)

    def _by_stream(
        self, streams: Callable[[Program], Sequence[Stream]]
    ) -> Mapping[Stream, Sequence[Program]]:
        found: dict[Stream, list[Program]] = {}
        for program in self.programs.values():
            for stream in dict.fromkeys(streams(program)):
                found.setdefault(stream, []).append(program)
        return found

    def partitions(self, stream: Stream) -> int | None:
        """As many as are declared, or as its readers have workers; None leaves it to the broker."""
        declared = self.topics.get(stream.topic)
        if declared and declared.partitions:
            return declared.partitions
        most = max((program.workers for program in self.readers(stream)), default=1)
        return most if most > 1 else None

    def at(self, broker: str) -> "Pipeline":
        """The same toward another broker."""
        moved = {name: replace(program, broker=broker) for name, program in self.programs.items()}
        return replace(self, programs=moved)


def _address(broker: str) -> str:
    """One broker's address in one form, as the same one may be written in several."""
    host, colon, port = broker.rpartition(":")
    if not colon or broker.endswith("]"):
        host, port = broker, _KAFKA_PORT
    return f"{'localhost' if host in _LOOPBACK else host}:{port}"
