"""`app.test()`: an app on a log in memory, step by step, in milliseconds."""

import asyncio
import threading
from collections.abc import Coroutine, Mapping, Sequence
from types import TracebackType
from typing import Any, Self, TypeVar

import msgspec

from tailrace.core.errors import BadRecord, ConfigurationError, TailraceError
from tailrace.core.groups import Positions
from tailrace.core.records import Headers, Record
from tailrace.memory import MemoryLog, MemoryServices
from tailrace.memory.services import MemorySender
from tailrace.runtime.app import App
from tailrace.runtime.declarations import Function, Handler, Task, Timer, function_name, is_async
from tailrace.runtime.handover import Handover
from tailrace.runtime.results import Output
from tailrace.runtime.service import Service
from tailrace.runtime.values import Decode, Format, as_headers, as_key, decoder, encoder, type_name

_T = TypeVar("_T")


class _AtOnce(Handover):
    """Without pauses between the tries of a record."""

    def wait(self, seconds: float) -> bool:
        """No time passes."""
        del seconds
        return True


class Trial:
    """A running app, its topics in memory, made when they are named. Nothing moves by itself.

    >>> with app.test() as trial:
    ...     trial.send("orders", {"id": 1})
    ...     trial.run()
    ...     assert trial.sent("results") == [{"id": 1, "price": 10}]
    """

    __test__ = False
    """Not a class of tests, whatever pytest thinks of its name."""

    def __init__(self, app: App) -> None:
        self._app = app
        self._log = MemoryLog()
        self._services = MemoryServices(self._log)
        self._service = Service(app, app.programs, self._services, f"{app.name}-0")
        self._ours = MemorySender(self._log)
        self._given: set[tuple[str, int, int]] = set()
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, name="tailrace-trial", daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        self._await(self._service.start())
        self._members = self._service.members(self._loop, _raised, _AtOnce)
        # They join now: what is sent from here on comes after their start.
        self.run()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        try:
            for member in self._members:
                member.leave()
            self._await(self._service.finish())
        finally:
            self._await(self._loop.shutdown_default_executor())
            self._loop.call_soon_threadsafe(self._loop.stop)
            self._thread.join()
            self._loop.close()

    def topic(self, name: str, partitions: int = 1) -> None:
        """Make a topic with several partitions."""
        self._log.create(name, partitions)

    def send(
        self,
        topic: str,
        value: object,
        *,
        key: bytes | str | None = None,
        headers: Headers | Mapping[str, bytes | None] = (),
        partition: int | None = None,
    ) -> None:
        """Store a record; bytes as they are, None as null, all else in the format of who reads the topic."""
        output = Output((), encoder(self._format(topic, self._readers())), self._ours)
        stored = None if value is None else output.encoded(value)
        before = self._ends(topic)
        self._ours.send(topic, stored, as_key(key), partition, None, as_headers(headers))
        self._given |= {
            (topic, number, end - 1)
            for number, end in self._ends(topic).items()
            if end > before.get(number, 0)
        }

    def run(self) -> None:
        """Have all handlers work until nothing is left to read.

        Raises:
            TailraceError: a record failed, and its handler is to stop then.
        """
        # Each has a turn in every round.
        while sum(member.pump() for member in self._members):
            pass

    def tick(self, *timers: Function) -> None:
        """Call these timers, or all, once; what they raise is raised."""
        for one in self._app.programs:
            if isinstance(one, Timer) and (not timers or one.function in timers):
                self._await(self._service.ticking(one).call())

    def call(self, task: Function, *arguments: str) -> None:
        """Run a task with the words of a command line; what it raises is raised."""
        found = self._app.program(task)
        if not isinstance(found, Task):
            raise ConfigurationError(f"{function_name(task)} is no task of {self._app!r}.")
        if is_async(found.function):
            self._await(self._service.run_async_task(found, arguments))
        else:
            self._service.run_task(found, arguments)

    def sent(self, topic: str, as_: Any = Any) -> list[Any]:  # noqa: ANN401  # any annotation
        """The values that the app has sent to a topic, typed as asked; what is no JSON comes as bytes."""
        decode = decoder(as_, self._format(topic, self._writers()), coerce=False)
        return [_read(decode, record.value, as_) for record in self.sent_records(topic)]

    def sent_records(self, topic: str) -> Sequence[Record]:
        """The same as whole records, in the order of partition and offset."""
        return [r for r in self.records(topic) if (r.topic, r.partition, r.offset) not in self._given]

    def records(self, topic: str) -> Sequence[Record]:
        """All records of a topic, the test's own too."""
        found = [one for one in self._log.topics() if one.name == topic]
        return [record for one in found for partition in one.partitions for record in partition.records]

    def committed(self, group: str) -> Positions:
        """What a group has committed."""
        return self._services.committed(group)

    def _readers(self) -> list[tuple[Sequence[str], Format]]:
        return [(one.topics, one.format) for one in self._app.programs if isinstance(one, Handler)]

    def _writers(self) -> list[tuple[Sequence[str], Format]]:
        return [(one.to, one.format) for one in self._app.programs]

    def _format(self, topic: str, programs: Sequence[tuple[Sequence[str], Format]]) -> Format:
        """That of the first program of the topic, else the app's."""
        return next((format_ for topics, format_ in programs if topic in topics), self._app.format)

    def _ends(self, topic: str) -> dict[int, int]:
        return {
            number: partition.end
            for one in self._log.topics()
            if one.name == topic
            for number, partition in enumerate(one.partitions)
        }

    def _await(self, coroutine: Coroutine[Any, Any, _T]) -> _T:
        return asyncio.run_coroutine_threadsafe(coroutine, self._loop).result()


def _read(decode: Decode, value: bytes | None, as_: Any) -> object:  # noqa: ANN401  # any annotation
    try:
        return decode(value)
    except msgspec.ValidationError:
        raise
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        if as_ is Any:
            return value
        what = f"{value!r:.80} cannot be read as {type_name(as_)}."
        raise BadRecord(what, cause=str(error), hint="Give as_=bytes for what was sent.") from None


def _raised(error: TailraceError) -> None:
    raise error
