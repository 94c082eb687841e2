"""`App`: what a module declares of services, timers and tasks."""

from collections.abc import Callable, Iterable, Mapping
from contextvars import ContextVar
from dataclasses import dataclass
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, TypeVar

from tailrace.core.errors import ConfigurationError, Conflict
from tailrace.core.groups import StartAt
from tailrace.core.records import Headers
from tailrace.runtime.declarations import (
    Commit,
    Function,
    Handler,
    OnError,
    Program,
    Task,
    Timer,
    at_least,
    interval,
    one_of,
    positional,
    topic_names,
)
from tailrace.runtime.results import Output
from tailrace.runtime.values import FORMATS, Format, as_headers, as_key, encoder

if TYPE_CHECKING:  # the log in memory is for tests
    from tailrace.runtime.trial import Trial

FunctionT = TypeVar("FunctionT", bound=Function)
Topics = str | Iterable[str]


class _Unset:
    """A parameter that was left out."""


_UNSET = _Unset()


@dataclass(frozen=True, slots=True)
class Running:
    """What a running program may use: where it sends, and how it commits."""

    output: Output
    commit: Callable[[], None]


# Set in each thread and task that runs a program, so that `app.send` there belongs to what is handled.
RUNNING: ContextVar[Running] = ContextVar("tailrace_running")


class App:
    """A set of programs that belong together: handlers, timers and tasks.

    Args:
        name: the group of its handlers, and part of what its workers are called.
        broker: host:port where the command that runs it names none.
        kafka: settings of the Kafka client, by kafka-python's or librdkafka's names.
        format: how values are written: json, or text.
    """

    def __init__(
        self,
        name: str,
        *,
        broker: str = "",
        kafka: Mapping[str, object] | None = None,
        format: Format = "json",  # noqa: A002  # the field's word
    ) -> None:
        if not name:
            raise ConfigurationError("An App needs a name.", hint='Write App("orders").')
        one_of(FORMATS, format, "format")
        self.name = name
        self.broker = broker
        self.kafka = MappingProxyType(dict(kafka or {}))
        self.format: Format = format
        self._encode = encoder(format)
        self.programs: list[Program] = []
        self.starting: list[Function] = []
        self.stopping: list[Function] = []
        # For threads that a program has started itself.
        self.running: Running | None = None

    def __repr__(self) -> str:
        return f"App({self.name!r})"

    def on(
        self,
        *topics: Topics,
        group: str | _Unset | None = _UNSET,
        start: StartAt = "latest",
        workers: int = 1,
        commit: Commit = "auto",
        to: Topics = (),
        retries: int = 0,
        on_error: OnError = "stop",
        batch: int | None = None,
        format: Format | None = None,  # noqa: A002  # the field's word
        coerce: bool = False,
    ) -> Callable[[FunctionT], FunctionT]:
        """Call the function with each record of the topics; what it returns is sent to `to`.

        Args:
            topics: at least one.
            group: who shares the records; the app's name unless said. None reads everything in every
                process and commits nothing.
            start: latest or earliest, where the group has committed nothing.
            workers: members of the group in each process, with a client id and a thread each.
            commit: auto commits what is handled every 5 s; explicit when the function calls `app.commit`.
            to: topics that get what is returned or yielded, with the record's key; None is not sent.
            retries: how often a record that failed is tried again, after 0.1 s, 0.2 s, 0.4 s … up to 10 s.
            on_error: then stop the worker, so that nothing is lost, or skip the record; both are said.
            batch: call it with lists of up to so many records.
            format: json, or text; the app's unless said. `bytes` are taken and sent as they are.
            coerce: take numbers that are written as strings where the annotation asks for numbers.
        """
        # Without brackets the function itself is given.
        names = () if any(map(callable, topics)) else topic_names(topics)
        if not names:
            raise ConfigurationError('@app.on needs a topic: @app.on("orders").')
        if isinstance(group, str) and not group:
            raise ConfigurationError("A group needs a name.", hint="None reads without a group.")
        one_of(("earliest", "latest"), start, "start")
        one_of(("auto", "explicit"), commit, "commit")
        if commit == "explicit" and group is None:
            raise ConfigurationError(
                "Without a group nothing can be committed.",
                hint='Leave commit="explicit" out, or name a group.',
            )
        one_of(("stop", "skip"), on_error, "on_error")
        options: dict[str, Any] = {
            "topics": names,
            "group": self.name if isinstance(group, _Unset) else group,
            "start": start,
            "workers": at_least(1, workers, "workers"),
            "commit": commit,
            "to": topic_names([to]),
            "retries": at_least(0, retries, "retries"),
            "on_error": on_error,
            "batch": None if batch is None else at_least(1, batch, "batch"),
            "format": self._format(format),
            "coerce": coerce,
        }
        return self._declare(lambda function: Handler(function, **options))

    def every(
        self,
        seconds: str | float,
        *,
        to: Topics = (),
        on_error: OnError = "skip",
        format: Format | None = None,  # noqa: A002  # the field's word
    ) -> Callable[[FunctionT], FunctionT]:
        """Call the function at the start and then every so often, such as 5s, in each process.

        What it returns is sent to `to`. A call that is missed, because the one before took long, is left
        out. After an error it is called again at its next time, unless `on_error` is stop.
        """
        pause, topics, form = interval(seconds), topic_names([to]), self._format(format)
        one_of(("stop", "skip"), on_error, "on_error")
        return self._declare(lambda function: Timer(function, pause, topics, on_error, form))

    def task(
        self,
        function: FunctionT | None = None,
        *,
        to: Topics = (),
        format: Format | None = None,  # noqa: A002  # the field's word
    ) -> Any:  # noqa: ANN401  # the function, or a decorator
        """A program that runs once: `tailrace run module:name -- ARGS`, typed by its annotations.

        What it returns is sent to `to`, what it yields at once, one by one.
        """
        topics, form = topic_names([to]), self._format(format)
        declare = self._declare(lambda one: Task(positional(one), topics, form))
        return declare if function is None else declare(function)

    def on_start(self, function: FunctionT) -> FunctionT:
        """Call the function, sync or async, before anything else."""
        self.starting.append(function)
        return function

    def on_stop(self, function: FunctionT) -> FunctionT:
        """Call the function, sync or async, when all else has ended; in the reverse order."""
        self.stopping.append(function)
        return function

    def send(
        self,
        topic: str,
        value: object,
        *,
        key: bytes | str | None = None,
        headers: Headers | Mapping[str, bytes | None] = (),
        partition: int | None = None,
        timestamp: int | None = None,
    ) -> None:
        """Send a record from a handler, timer, task or hook of the running app.

        It is stored before the record that is being handled is committed. None is a null. Headers are
        pairs, or a mapping.
        """
        output = self._running().output
        stored = None if value is None else output.encoded(value, self._encode)
        output.send(topic, stored, as_key(key), partition, timestamp, as_headers(headers))

    def commit(self) -> None:
        """With commit="explicit": commit up to the record that is being handled, when it is done."""
        self._running().commit()

    def test(self) -> "Trial":
        """Run the app on a log in memory: `with app.test() as trial:`."""
        from tailrace.runtime.trial import Trial  # noqa: PLC0415  # the log in memory is for tests

        return Trial(self)

    def program(self, function: object) -> Program | None:
        """What was declared of a function."""
        return next((one for one in self.programs if one.function is function), None)

    def _declare(self, make: Callable[[Function], Program]) -> Callable[[FunctionT], FunctionT]:
        def declare(function: FunctionT) -> FunctionT:
            if not callable(function):
                raise ConfigurationError(f"{function!r} is no function.")
            self.programs.append(make(function))
            return function

        return declare

    def _format(self, given: Format | None) -> Format:
        if given is not None:
            one_of(FORMATS, given, "format")
        return given or self.format

    def _running(self) -> Running:
        running = RUNNING.get(None) or self.running
        if running is None:
            raise Conflict(
                f"The app {self.name!r} does not run here.",
                hint="Call it from handlers, timers, tasks or hooks: tailrace run MODULE:APP.",
            )
        return running
