"""Calls handlers with what was read, row by row or in batches, and sends what they return."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any, NamedTuple, Protocol

from tailrace.core.errors import TailraceError
from tailrace.core.groups import Polled
from tailrace.runtime.arguments import Arguments, arguments_of
from tailrace.runtime.calling import collected
from tailrace.runtime.declarations import Handler, is_async
from tailrace.runtime.failures import Failures
from tailrace.runtime.results import Output, emit_each


class Turn(Protocol):
    """What a step looks at between two records."""

    interrupted: bool

    def wait(self, seconds: float) -> bool:
        """Let the time pass; False if interrupted meanwhile."""
        ...


class Step(Protocol):
    """What is done with records, on the handling thread of a member."""

    def run(self, batch: Polled, row: int, turn: Turn) -> int:
        """Handle rows from `row` on, to the end or, once interrupted, to the end of the record in hand.

        Answers the first row that is not handled. Raises StepFailed where the worker has to stop.
        """
        ...


class StepFailed(Exception):
    """A record could not be handled, and none after it may be; `row` is the first that is not handled."""

    def __init__(self, row: int, error: TailraceError) -> None:
        super().__init__(str(error))
        self.row = row
        self.error = error


class Ran(NamedTuple):
    """How far the rows were handled, and what happened to the next ones, up to `upto`."""

    row: int
    error: Exception | None = None
    upto: int = 0


class HandlerStep:
    """Calls a handler; a record that fails is tried again, skipped, or stops the worker, as declared."""

    def __init__(self, handler: Handler, arguments: Arguments, output: Output) -> None:
        self._arguments = arguments
        self._output = output
        self._size = handler.batch or 1
        self._failures = Failures(handler, arguments.unreadable)
        self._function = collected(handler.function)

    @property
    def last_error(self) -> str | None:
        """What went wrong last."""
        return self._failures.last

    def run(self, batch: Polled, row: int, turn: Turn) -> int:
        """Handle rows from `row` on, as Step says."""
        while row < len(batch):
            left = self._failures.left()
            if left > 0 and not turn.wait(left):
                break
            row, error, upto = self._some(batch, row, turn)
            if error is None:
                break
            try:
                skipped = self._failures.skip(error, batch, row, upto)
            except TailraceError as fatal:
                raise StepFailed(row, fatal) from error
            row = upto if skipped else row
            if turn.interrupted:
                break
        return row

    def _keys(self, batch: Polled) -> "list[bytes | None] | _LateKeys":
        return batch.keys() if self._output.topics else _LateKeys(batch)

    def _some(self, batch: Polled, row: int, turn: Turn) -> Ran:
        emit, keys = self._output.emit, self._keys(batch)
        try:
            for result in self._arguments.calls(self._function, batch, row):
                if result is not None:
                    emit(result, keys[row])
                row += 1
                if turn.interrupted:
                    return Ran(row)
        except Exception as error:  # noqa: BLE001  # whatever a handler raises; it is said and dealt with
            return Ran(row, error, row + 1)
        return Ran(row)


class _LateKeys:
    """The keys of a batch, for a handler that is not declared to send anything, but may return a To."""

    def __init__(self, batch: Polled) -> None:
        self._batch = batch

    def __getitem__(self, row: int) -> bytes | None:
        return self._batch.keys()[row]


class AsyncHandlerStep(HandlerStep):
    """The same for coroutines: they run on the app's loop, one after the other."""

    def __init__(
        self, handler: Handler, arguments: Arguments, output: Output, loop: asyncio.AbstractEventLoop
    ) -> None:
        super().__init__(handler, arguments, output)
        self._loop = loop

    def _some(self, batch: Polled, row: int, turn: Turn) -> Ran:
        return asyncio.run_coroutine_threadsafe(self._await_some(batch, row, turn), self._loop).result()

    async def _await_some(self, batch: Polled, row: int, turn: Turn) -> Ran:
        # Awaited right here: a task for each record would cost three times as much, and lose the order.
        emit, keys = self._output.emit, self._keys(batch)
        try:
            for awaitable in self._arguments.calls(self._function, batch, row):
                result = await awaitable
                if result is not None:
                    emit(result, keys[row])
                row += 1
                if turn.interrupted:
                    return Ran(row)
        except Exception as error:  # noqa: BLE001  # likewise
            return Ran(row, error, row + 1)
        return Ran(row)


class BatchStep(HandlerStep):
    """Calls a handler with lists of rows."""

    def _some(self, batch: Polled, row: int, turn: Turn) -> Ran:
        while row < len(batch):
            stop = min(row + self._size, len(batch))
            try:
                lists = self._arguments.lists(batch, row, stop)
            except Exception as error:  # noqa: BLE001  # whatever a decoder says about foreign bytes
                stop = self._first_unreadable(batch, row)
                if stop == row:
                    return Ran(row, error, row + 1)
                lists = self._arguments.lists(batch, row, stop)
            try:
                results = self._call(lists)
                if results is not None:
                    emit_each(self._output, results, batch.keys()[row:stop])
            except Exception as error:  # noqa: BLE001  # whatever a handler raises; it is said and dealt with
                return Ran(row, error, stop)
            row = stop
            if turn.interrupted:
                break
        return Ran(row)

    def _call(self, lists: list[list[Any]]) -> Any:  # noqa: ANN401  # what a handler returns
        return self._function(*lists)

    def _first_unreadable(self, batch: Polled, row: int) -> int:
        while self._arguments.unreadable(batch, row) is None:
            row += 1
        return row


class AsyncBatchStep(BatchStep):
    """The same for coroutines."""

    def __init__(
        self, handler: Handler, arguments: Arguments, output: Output, loop: asyncio.AbstractEventLoop
    ) -> None:
        super().__init__(handler, arguments, output)
        self._loop = loop

    def _call(self, lists: list[list[Any]]) -> Any:  # noqa: ANN401  # what a handler returns
        return asyncio.run_coroutine_threadsafe(_awaited(self._function(*lists)), self._loop).result()


async def _awaited(awaitable: Awaitable[Any]) -> Any:  # noqa: ANN401  # what a handler returns
    return await awaitable


def handler_step(
    handler: Handler, output: Output, loop: Callable[[], asyncio.AbstractEventLoop]
) -> HandlerStep:
    """The step of a handler; `loop` is asked for coroutines only.

    Raises:
        ConfigurationError: its function asks for what no record has.
    """
    batch = handler.batch is not None
    arguments = arguments_of(handler.function, batch=batch, format_=handler.format, coerce=handler.coerce)
    if is_async(handler.function):
        return (AsyncBatchStep if batch else AsyncHandlerStep)(handler, arguments, output, loop())
    return (BatchStep if batch else HandlerStep)(handler, arguments, output)
