"""The declarations: groups of frozen values, each field with its sentence, unit and bounds."""

import math
import typing
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, fields
from pathlib import Path
from types import MappingProxyType
from typing import Any, Literal, TypeVar

from tailrace.core.secrets import REDACTED, is_secret

PREFIX = "TAILRACE_"

T = TypeVar("T")


def _setting(
    default: T,
    meaning: str,
    *,
    unit: str = "",
    least: float = 0,
    most: float = math.inf,
    option_only: bool = False,
) -> T:
    facts = {"meaning": meaning, "unit": unit, "least": least, "most": most, "option_only": option_only}
    made: T = field(default=default, metadata=facts)
    return made


@dataclass(frozen=True, slots=True)
class Server:
    """Where and for whom the gateway listens."""

    host: str = _setting("127.0.0.1", "Address to listen on; any but a loopback one demands identities.")
    port: int = _setting(8484, "Port to listen on; 0 takes a free one.", most=65535)
    origins: tuple[str, ...] = _setting(
        (), "Origins whose pages may call the gateway (CORS), as https://app.example; * is any."
    )
    heartbeat: float = _setting(
        15.0, "Longest silence on a stream before its cursor is told.", unit="s", least=0.1
    )
    open: bool = _setting(
        default=False,
        meaning="Whether anonymous may do everything, from this machine only; must be typed.",
        option_only=True,
    )


@dataclass(frozen=True, slots=True)
class Deadlines:
    """How long a client may take."""

    headers: float = _setting(10.0, "For a request's header block to arrive.", unit="s", least=0.1)
    body: float = _setting(30.0, "For an ordinary body to arrive.", unit="s", least=0.1)
    line: float = _setting(
        30.0, "For one NDJSON line to be complete, from its first byte.", unit="s", least=0.1
    )
    between_lines: float = _setting(300.0, "For the next NDJSON line to begin.", unit="s", least=0.1)
    stalled_write: float = _setting(60.0, "For a write to move its next byte.", unit="s", least=0.1)
    stop: float = _setting(25.0, "For a stop in all, until connections are cut.", unit="s", least=0.1)


@dataclass(frozen=True, slots=True)
class Limits:
    """How much a client, or all of them together, may take."""

    headers: int = _setting(32 << 10, "A request's header block.", unit="bytes", least=1024)
    header_count: int = _setting(100, "Headers of a request.", least=1)
    body: int = _setting(16 << 20, "A request's body that is not a stream.", unit="bytes", least=1)
    record: int = _setting(1 << 20, "A record to store.", unit="bytes", least=1)
    line: int = _setting(1 << 20, "A line of an NDJSON body.", unit="bytes", least=1)
    cursor: int = _setting(4 << 10, "A cursor in a header or an address.", unit="bytes", least=64)
    page: int = _setting(5 << 20, "A page of records.", unit="bytes", least=1024)
    pages: int = _setting(
        128 << 20, "Pages of records that are on their way to all clients.", unit="bytes", least=1 << 20
    )
    write: int = _setting(
        256 << 10,
        "Answers to a stream of records to store that may wait to be sent; above it no more is read.",
        unit="bytes",
        least=1024,
    )
    send_buffer: int = _setting(
        128 << 10, "The kernel's send buffer of a connection (SO_SNDBUF).", unit="bytes", least=4096
    )
    connections: int = _setting(
        16384, "Connections at a time; above it, one that is kept alive and idle longest is closed.", least=1
    )
    subscriptions: int = _setting(100, "Topics read over one connection at a time.", least=1)
    memory: int = _setting(256 << 20, "Windows, views and blocks of all topics.", unit="bytes", least=1 << 20)
    window: int = _setting(16 << 20, "The window of one topic.", unit="bytes", least=64 << 10)


@dataclass(frozen=True, slots=True)
class Kafka:
    """The cluster; `client` holds all other names of `[kafka]` as they were given."""

    brokers: tuple[str, ...] = _setting(("localhost:9092",), "Brokers to ask first, as host:port.")
    client: Mapping[str, object] = field(default_factory=lambda: MappingProxyType({}))

    def __repr__(self) -> str:
        shown = {name: REDACTED if is_secret(name) else value for name, value in self.client.items()}
        return f"Kafka(brokers={self.brokers!r}, client={shown!r})"


@dataclass(frozen=True, slots=True)
class SocketIO:
    """The `/kafka` namespace of Socket.IO."""

    topic: str = _setting("demo", "The topic that the namespace reads and writes.")
    origins: tuple[str, ...] = _setting(
        (), "Origins whose pages may connect, as https://app.example; * is any."
    )
    list_limit: int = _setting(100_000, "Records of one list.", least=1)
    sessions_per_client: int = _setting(
        4096, "Sessions of one address at a time; behind a proxy all clients have its address.", least=1
    )
    incoming: int = _setting(
        64 << 20, "Messages of all clients that have not come to their end.", unit="bytes", least=1 << 20
    )
    allow_null_origin: bool = _setting(
        default=False,
        meaning="Whether pages opened as a file, and any sandboxed frame, may connect; must be typed.",
        option_only=True,
    )


@dataclass(frozen=True, slots=True)
class TaskLogs:
    """The logs of tasks, `GET /api/v1/logs`."""

    folder: str = _setting("", "Folder with a folder for each task, which holds its worker.log.")
    brokers: tuple[str, ...] = _setting(
        (), "Brokers of the cluster with the tasks' topics, as host:port, where it is another one."
    )
    idle: float = _setting(
        10.0, "Time without a new record after which a log ends.", unit="s", least=1, most=45
    )
    codes: tuple[str, ...] = _setting(
        (), "Codes of errors for clients that know others: 404=1404, or an error's own code=1404."
    )
    http_200_errors: bool = _setting(
        default=False,
        meaning="Whether errors of this route come with status 200, as older servers sent them.",
    )


@dataclass(frozen=True, slots=True)
class Ownership:
    """Where owners are looked up that `[owners]` does not name."""

    database_url: str = _setting("", "A database to ask, as postgresql+psycopg://user:password@host/name.")
    query: str = _setting(
        "", "What to ask it: SELECT owner FROM tasks WHERE id = :id; each row is an owner's name."
    )
    http_url: str = _setting("", 'A service to ask, with {id} in its address; it answers {"owner": "NAME"}.')
    http_token: str = _setting("", "What to show that service, as Authorization: Bearer.")
    timeout: float = _setting(3.0, "For an answer.", unit="s", least=0.1, most=30)
    cache: float = _setting(30.0, "How long an answer counts.", unit="s")
    cache_size: int = _setting(10_000, "Answers that are kept.", least=1)


@dataclass(frozen=True, slots=True)
class Log:
    """What is written to standard error."""

    format: Literal["auto", "json", "text"] = _setting(
        "auto", "Form of a line; auto is text on a terminal, else json."
    )
    level: Literal["debug", "info", "warning", "error"] = _setting(
        "info", "Least important event that is written."
    )


@dataclass(frozen=True, slots=True)
class GrantEntry:
    """A grant as the file has it."""

    actions: tuple[str, ...]
    topic: str


@dataclass(frozen=True, slots=True)
class PrincipalEntry:
    """A `[[principals]]` table as the file has it."""

    name: str
    token_sha256: str | None = field(default=None, repr=False)
    grants: tuple[GrantEntry, ...] = ()


@dataclass(frozen=True, slots=True)
class Settings:
    """All that is in force.

    `sources` says where each value that is no default came from, `owners` is `[owners]`, `file` was read.
    """

    server: Server = field(default_factory=Server)
    deadlines: Deadlines = field(default_factory=Deadlines)
    limits: Limits = field(default_factory=Limits)
    kafka: Kafka = field(default_factory=Kafka)
    socketio: SocketIO = field(default_factory=SocketIO)
    tasklogs: TaskLogs = field(default_factory=TaskLogs)
    ownership: Ownership = field(default_factory=Ownership)
    log: Log = field(default_factory=Log)
    principals: tuple[PrincipalEntry, ...] = ()
    owners: Mapping[str, str] = field(default_factory=lambda: MappingProxyType({}))
    file: Path | None = None
    sources: Mapping[str, str] = field(default_factory=lambda: MappingProxyType({}))


GROUPS: dict[str, type[Any]] = {
    "server": Server,
    "deadlines": Deadlines,
    "limits": Limits,
    "kafka": Kafka,
    "socketio": SocketIO,
    "tasklogs": TaskLogs,
    "ownership": Ownership,
    "log": Log,
}


@dataclass(frozen=True, slots=True)
class Declaration:
    """A setting as the manual and the loader need it; `choices` are the texts it may be, if few."""

    name: str
    type: type
    default: object
    meaning: str
    unit: str
    least: float
    most: float
    option_only: bool
    choices: tuple[str, ...] = ()

    @property
    def variable(self) -> str:
        """Its name in the environment."""
        return PREFIX + self.name.replace(".", "_").upper()


def declarations() -> Iterator[Declaration]:
    """All settings, in the order of the manual."""
    for group, owner in GROUPS.items():
        hints = typing.get_type_hints(owner)
        for entry in fields(owner):
            if entry.metadata:
                hint = hints[entry.name]
                kind = typing.get_origin(hint) or hint
                choices = typing.get_args(hint) if kind is Literal else ()
                yield Declaration(
                    f"{group}.{entry.name}",
                    str if choices else kind,
                    entry.default,
                    choices=choices,
                    **entry.metadata,
                )


DECLARED = {declared.name: declared for declared in declarations()}
VARIABLES = {declared.variable: declared.name for declared in DECLARED.values()}
