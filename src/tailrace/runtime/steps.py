"""Calls handlers with what was read, row by row or in batches, and sends what they return."""

import asyncio
import time
from collections.abc import Awaitable, Callable
from typing import Any, NamedTuple, Protocol

from tailrace.core.errors import TailraceError
from tailrace.core.groups import Polled
from tailrace.runtime.arguments import Arguments, arguments_of
from tailrace.runtime.calling import collected
from tailrace.runtime.declarations import Handler, is_async
from tailrace.runtime.failures import Failures
from tailrace.runtime.results import Output, emit_each

# What is a handler's failure; all else, such as Ctrl-C or the end of a test, is for those around it.
RAISED = (Exception, SystemExit, asyncio.CancelledError)
# Handlers that never wait for anything let the loop's other work pass so often.
LOOP_SECONDS = 0.02


class Turn(Protocol):
    """What a step looks at between two records."""

    interrupted: bool

    def wait(self, seconds: float) -> bool:
        """Let the time pass; False if interrupted meanwhile."""
        ...


class Step(Protocol):
    """What is done with records, on the handling thread of a member."""

    @property
    def size(self) -> int:
        """How many records one call takes at most."""
        ...

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
    error: BaseException | None = None
    upto: int = 0


class HandlerStep:
    """Calls a handler; a record that fails is tried again, skipped, or stops the worker, as declared."""

    def __init__(self, handler: Handler, arguments: Arguments, output: Output) -> None:
        self._arguments = arguments
        self._output = output
        self.size = handler.batch or 1
        self._failures = Failures(handler, arguments.unreadable)
        self._function = collected(handler.function)

    @property
    def last_error(self) -> str | None:
        """What went wrong last."""
        return self._failures.last

    def leave(self) -> None:
        """Let go of the record in hand, where that can be done; it is not handled."""

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
                final = error is self._output.unsent
                skipped = self._failures.skip(error, batch, row, upto, final=final)
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
        except RAISED as error:  # it is said and dealt with
            return Ran(row, error, row + 1)
        if row < len(batch):
            # `map` takes it for the end of the rows.
            return Ran(row, RuntimeError("StopIteration was raised"), row + 1)
        return Ran(row)


class _LateKeys:
    """The keys of a batch, for a handler that is not declared to send anything, but may return a To."""

    def __init__(self, batch: Polled) -> None:
        self._batch = batch

    def __getitem__(self, row: int) -> bytes | None:
        return self._batch.keys()[row]


class _OnLoop:
    """The app's loop, and what of a handler runs there."""

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        self._loop = loop
        self._task: asyncio.Task[Any] | None = None
        self.left = False

    def run(self, work: Awaitable[Any]) -> Any:  # noqa: ANN401  # what it returns
        """Await it from another thread, which also has what it raises."""
        result, error = asyncio.run_coroutine_threadsafe(self._awaited(work), self._loop).result()
        if error is not None:
            raise error
        return result

    async def _awaited(self, work: Awaitable[Any]) -> tuple[Any, BaseException | None]:
        self._task = asyncio.current_task()
        try:
            return await work, None
        except BaseException as error:  # noqa: BLE001  # SystemExit would end the loop, and so all other handlers
            return None, error

    def leave(self) -> None:
        """Cancel what runs; on the loop's thread."""
        self.left = True
        if self._task is not None:
            self._task.cancel()

    def ran(self, error: BaseException, row: int, upto: int) -> Ran:
        """What has become of rows; one that we have cancelled ourselves is as if it was not begun."""
        if self.left and isinstance(error, asyncio.CancelledError):
            return Ran(row)
        return Ran(row, error, upto)


class AsyncHandlerStep(HandlerStep):
    """The same for coroutines: they run on the app's loop, one after the other."""

    def __init__(
        self, handler: Handler, arguments: Arguments, output: Output, loop: asyncio.AbstractEventLoop
    ) -> None:
        super().__init__(handler, arguments, output)
        self._on_loop = _OnLoop(loop)
        deferred, self._pending = output.deferred()
        self._emit = deferred.emit

    def leave(self) -> None:
        """Cancel the record in hand."""
        self._on_loop.leave()

    def _some(self, batch: Polled, row: int, turn: Turn) -> Ran:
        ran: Ran = self._on_loop.run(self._await_some(batch, row, turn))
        return ran

    async def _await_some(self, batch: Polled, row: int, turn: Turn) -> Ran:
        # Awaited right here: a task for each record would cost three times as much, and lose the order.
        keys, pause_at = self._keys(batch), time.monotonic() + LOOP_SECONDS
        try:
            for awaitable in self._arguments.calls(self._function, batch, row):
                result = await awaitable
                if result is not None:
                    self._emit(result, keys[row])
                    await self._pending.drain()
                row += 1
                if turn.interrupted:
                    return Ran(row)
                if time.monotonic() > pause_at:
                    await asyncio.sleep(0)
                    pause_at = time.monotonic() + LOOP_SECONDS
        except RAISED as error:  # likewise
            return self._on_loop.ran(error, row, row + 1)
        return Ran(row)


class BatchStep(HandlerStep):
    """Calls a handler with lists of rows."""

    def _some(self, batch: Polled, row: int, turn: Turn) -> Ran:
        while row < len(batch):
            stop = min(row + self.size, len(batch))
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
            except RAISED as error:  # it is said and dealt with
                return self._ran(error, row, stop)
            row = stop
            if turn.interrupted:
                break
        return Ran(row)

    def _call(self, lists: list[list[Any]]) -> Any:  # noqa: ANN401  # what a handler returns
        return self._function(*lists)

    def _ran(self, error: BaseException, row: int, upto: int) -> Ran:
        return Ran(row, error, upto)

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
        self._on_loop = _OnLoop(loop)

    def leave(self) -> None:
        """Cancel the batch in hand."""
        self._on_loop.leave()

    def _call(self, lists: list[list[Any]]) -> Any:  # noqa: ANN401  # what a handler returns
        return self._on_loop.run(self._function(*lists))

    def _ran(self, error: BaseException, row: int, upto: int) -> Ran:
        return self._on_loop.ran(error, row, upto)


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
