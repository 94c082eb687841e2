"""What handlers are given: the services of one process, and one request with all that is known of it."""

from collections.abc import Awaitable, Callable, Mapping, MutableMapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol

from tailrace.core.hub import Hub
from tailrace.core.ports import LogReader, LogWriter, TopicAdmin
from tailrace.core.tally import Tally
from tailrace.protocol.parameters import Value
from tailrace.protocol.routes import Route
from tailrace.settings import Settings
from tailrace.telemetry.metrics import TRANSPORTS, Metrics
from tailrace.transports.budget import Budget
from tailrace.transports.exposition import Exposition

Scope = MutableMapping[str, Any]
Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]
SendWhole = Callable[[int, Sequence[tuple[bytes, bytes]], bytes], None]
HeaderList = Sequence[tuple[bytes, bytes]]


class Principal(Protocol):
    """Who calls."""

    @property
    def name(self) -> str:
        """The name that grants are held under."""
        ...


class Access(Protocol):
    """Who it is and what it may do; the only place where either is decided."""

    def identify(self, headers: Mapping[bytes, bytes], method: str) -> Principal:
        """Who sent these headers; raises Unauthenticated, and Forbidden where a page may not act for it."""
        ...

    def authorize(self, principal: Principal, action: str, topic: str | None) -> None:
        """Raise Forbidden, in the same bytes whether the topic exists or not."""
        ...

    async def authorize_log(self, principal: Principal, task: str) -> bool:
        """Raise NotFound unless it may read a task's log; whether it may as the task's owner."""
        ...

    async def owned(self, principal: Principal, task: str) -> bool:
        """Whether a task is known to be somebody's."""
        ...

    def grants(self, principal: Principal) -> Sequence[tuple[Sequence[str], str]]:
        """What it holds: actions and topic pattern of each grant."""
        ...

    def log_in(self, token: str, headers: Mapping[bytes, bytes]) -> tuple[Principal, str]:
        """The token's principal and the `Set-Cookie` of a new session; raises Unauthenticated."""
        ...

    def log_out(self, headers: Mapping[bytes, bytes]) -> str:
        """End the session, if there is one; the `Set-Cookie` that removes the cookie."""
        ...


@dataclass(slots=True)
class Gateway:
    """The services of one process, and who is to be told of its end."""

    settings: Settings
    reader: LogReader
    writer: LogWriter
    admin: TopicAdmin
    access: Access
    hub: Hub
    metrics: Metrics = field(default_factory=Metrics)
    on_stop: list[Callable[[], None]] = field(default_factory=list)
    stopping: bool = False
    tallies: Mapping[str, Tally] = field(default_factory=lambda: {name: Tally() for name in TRANSPORTS})
    pages: Budget = field(init=False)
    exposition: Exposition = field(init=False)

    def __post_init__(self) -> None:
        self.pages = Budget(self.settings.limits.pages)
        self.exposition = Exposition(self.metrics)
        self.metrics.follow(self.tallies)

    def stop(self) -> None:
        """Tell requests that are under way to come to their end."""
        self.stopping = True
        for told in list(self.on_stop):
            told()


@dataclass(frozen=True, slots=True)
class Answer:
    """A whole response."""

    body: bytes = b""
    status: int = 200
    media: bytes = b"application/json"
    headers: HeaderList = ()
    policy: bytes | None = None


class Sender:
    """ASGI's send, which knows whether the response has begun; `whole` sends one at once, where it can."""

    __slots__ = ("_send", "started", "whole")

    def __init__(self, send: Send, whole: SendWhole | None = None) -> None:
        self._send = send
        self.started = False
        self.whole = whole

    async def __call__(self, message: Message) -> None:
        """Send a message."""
        self.started = True
        await self._send(message)


@dataclass(slots=True)
class Call:
    """One request: identified, authorised as its route says, its parameters read.

    `response_headers` are those of every response of ours; a handler that sends by itself adds them.
    """

    route: Route
    scope: Scope
    receive: Receive
    send: Sender
    headers: Mapping[bytes, bytes]
    principal: Principal | None
    parameters: Mapping[str, Value]
    topic: str
    response_headers: list[tuple[bytes, bytes]]


Handler = Callable[[Gateway, Call], Awaitable[Answer | None]]
