"""All that one process runs of an App: hooks, members, timers, from start to stop."""

import asyncio
import inspect
import logging
import time
from collections.abc import Callable, Sequence
from contextvars import Context, copy_context
from functools import partial

from tailrace.core.errors import ConfigurationError, TailraceError
from tailrace.core.groups import Sender, Services
from tailrace.runtime.app import RUNNING, App, Running
from tailrace.runtime.declarations import Function, Handler, Program, Task, Timer
from tailrace.runtime.handover import Handover
from tailrace.runtime.member import Member
from tailrace.runtime.plan import check_groups
from tailrace.runtime.results import Output
from tailrace.runtime.sending import LateSender, not_stored
from tailrace.runtime.steps import HandlerStep, handler_step
from tailrace.runtime.tasks import bound_arguments, run_async, run_plain
from tailrace.runtime.timers import Ticking
from tailrace.runtime.values import encoder

_log = logging.getLogger("tailrace.runtime")

COMMIT_SECONDS = 5.0
# For the records in hand; what is not done then is handled again by others.
STOP_SECONDS = 30.0
FLUSH_SECONDS = 30.0
# For members whose coroutine was cancelled then, to commit and leave their group.
LEAVE_SECONDS = 5.0


class Service:
    """Runs programs of an app on a cluster; one event loop for all that is async.

    Args:
        app: whose hooks are called.
        programs: what of it is run.
        services: the cluster.
        client_id: what its clients are called; further members get a number.
        commit_seconds: between two commits of handlers that say commit="auto".
    """

    def __init__(
        self,
        app: App,
        programs: Sequence[Program],
        services: Services,
        client_id: str,
        commit_seconds: float = COMMIT_SECONDS,
    ) -> None:
        check_groups(programs)
        self._app = app
        self._programs = programs
        self._services = services
        self._client_id = client_id
        self._commit_seconds = commit_seconds
        self._sender = self._new_sender(client_id)
        self._senders = [self._sender]
        # Those that no member settles: of hooks and tasks, and of timers.
        self._unwatched = [self._sender]
        self._members: list[Member] = []
        self._steps: list[HandlerStep] = []
        self._tickings: list[Ticking] = []
        self._failed: TailraceError | None = None

    @property
    def records(self) -> int:
        """How many records were handled."""
        return sum(member.records for member in self._members)

    @property
    def sent(self) -> int:
        """How many records were sent."""
        return sum(sender.sent for sender in self._senders)

    @property
    def senders(self) -> Sequence[Sender]:
        """All its producers."""
        return self._senders

    @property
    def last_error(self) -> str | None:
        """What went wrong last, if anything."""
        errors = [one.last_error for one in self._steps if one.last_error]
        errors += [one.last_error for one in self._tickings if one.last_error]
        return str(self._failed) if self._failed else errors[-1] if errors else None

    @property
    def ready(self) -> bool:
        """Whether every member has heard which partitions it has."""
        return all(member.ready for member in self._members)

    # --- handlers and timers ---

    async def serve(self, stop: asyncio.Event) -> None:
        """Run handlers and timers until told to stop; then finish, commit and leave.

        Raises:
            TailraceError: one of them could not go on.
        """
        loop = asyncio.get_running_loop()
        failing = partial(self._on_failed, loop, stop)
        self.members(loop, failing)
        async with asyncio.TaskGroup() as group:
            timers = [
                group.create_task(self._tick(one, stop, failing))
                for one in self._programs
                if isinstance(one, Timer)
            ]
            try:
                for member in self._members:
                    member.start()
                await stop.wait()
                await self._end(timers, time.monotonic() + STOP_SECONDS)
            finally:
                self._leave(timers)
        if self._failed is not None:
            raise self._failed

    def members(
        self,
        loop: asyncio.AbstractEventLoop,
        on_failed: Callable[[TailraceError], None],
        new_handover: Callable[[], Handover] = Handover,
    ) -> Sequence[Member]:
        """All members of its handlers; not started."""
        for one in self._programs:
            if isinstance(one, Handler):
                for _ in range(one.workers):
                    self._members.append(self._member(one, loop, on_failed, new_handover()))
        return self._members

    def _member(
        self,
        handler: Handler,
        loop: asyncio.AbstractEventLoop,
        on_failed: Callable[[TailraceError], None],
        handover: Handover,
    ) -> Member:
        number = len(self._members)
        name = self._client_id if not number else _further(self._client_id, number)
        sender = self._new_sender(name)
        self._senders.append(sender)
        output = Output(handler.to, encoder(handler.format), sender)
        step = handler_step(handler, output, lambda: loop)
        self._steps.append(step)
        explicit = handler.commit == "explicit"
        context = copy_context()
        member = Member(
            name,
            partial(self._services.reader, handler.topics, handler.group, handler.start, name),
            step,
            sender,
            commit_seconds=None if explicit else self._commit_seconds,
            on_failed=on_failed,
            context=context,
            handover=handover,
        )
        context.run(RUNNING.set, Running(output, member.commit if explicit else no_commit))
        return member

    def ticking(self, timer: Timer) -> Ticking:
        """What calls a timer."""
        # A producer of its own: one call does not wait for, nor fail on, what another has sent.
        sender = self._new_sender(self._client_id)
        self._senders.append(sender)
        self._unwatched.append(sender)
        output = Output(timer.to, encoder(timer.format), sender)
        ticking = Ticking(timer, output, sender, Running(output, no_commit))
        self._tickings.append(ticking)
        return ticking

    async def _tick(
        self, timer: Timer, stop: asyncio.Event, on_failed: Callable[[TailraceError], None]
    ) -> None:
        try:
            await self.ticking(timer).run(stop)
        except TailraceError as error:
            on_failed(error)

    async def _end(self, timers: Sequence[asyncio.Task[None]], deadline: float) -> None:
        """Have all finish what is in hand, until the deadline."""
        for member in self._members:
            member.close()
        late = await asyncio.to_thread(self._late, deadline)
        if timers:
            await asyncio.wait(timers, timeout=max(0.0, deadline - time.monotonic()))
        self._leave(timers)
        if late:
            # A coroutine that is cancelled is out at once: what it has done before is committed.
            await asyncio.to_thread(_join, late, time.monotonic() + LEAVE_SECONDS)

    def _leave(self, timers: Sequence[asyncio.Task[None]]) -> None:
        """Cancel what is async; what is not is left behind, in threads that nothing waits for."""
        for member in self._members:
            member.close()
        for step in self._steps:
            step.leave()
        for timer in timers:
            timer.cancel()

    def _late(self, deadline: float) -> Sequence[Member]:
        late = _join(self._members, deadline)
        for member in late:
            _log.error(
                "%s does not finish the record in hand within %g s: it is left, and comes again.",
                member.name,
                STOP_SECONDS,
            )
        return late

    def _on_failed(self, loop: asyncio.AbstractEventLoop, stop: asyncio.Event, error: TailraceError) -> None:
        self._failed = self._failed or error
        loop.call_soon_threadsafe(stop.set)

    # --- tasks ---

    def task_output(self, task: Task) -> Output:
        """Where a task's results go."""
        return Output(task.to, encoder(task.format), self._sender)

    def run_task(self, task: Task, arguments: Sequence[str]) -> None:
        """Run a plain task to its end, on this thread."""
        given = bound_arguments(task, arguments)
        self._context().run(run_plain, task.function, given, self.task_output(task))

    async def run_async_task(self, task: Task, arguments: Sequence[str]) -> None:
        """The same for a coroutine."""
        await run_async(task.function, bound_arguments(task, arguments), self.task_output(task))

    # --- hooks ---

    async def start(self) -> None:
        """Call what is to be called before anything else."""
        self._app.running = self._running()
        for function in self._app.starting:
            await _call_hook(function)

    async def finish(self) -> None:
        """Call what is to be called last, have everything stored, and close."""
        try:
            for function in reversed(self._app.stopping):
                await _call_hook(function)
        finally:
            try:
                stored = await asyncio.to_thread(self._stored, time.monotonic() + FLUSH_SECONDS)
                waiting = sum(sender.waiting for sender in self._unwatched)
            finally:
                self._app.running = None
                for sender in self._senders:
                    await asyncio.to_thread(sender.close)
        if not stored:
            raise not_stored(waiting)

    def _stored(self, deadline: float) -> bool:
        stored = [sender.settle(max(0.0, deadline - time.monotonic())) for sender in self._unwatched]
        return all(stored)

    def _context(self) -> Context:
        context = copy_context()
        context.run(RUNNING.set, self._running())
        return context

    def _running(self) -> Running:
        return Running(Output((), encoder(self._app.format), self._sender), no_commit)

    def _new_sender(self, name: str) -> LateSender:
        return LateSender(partial(self._services.sender, name))


def _join(members: Sequence[Member], deadline: float) -> Sequence[Member]:
    """Wait for them; answers those that take longer."""
    return [member for member in members if not member.join(deadline)]


async def _call_hook(function: Function) -> None:
    result = function()
    if inspect.isawaitable(result):
        await result


def no_commit() -> None:
    """Commits go by themselves here."""
    raise ConfigurationError('app.commit() is for handlers with commit="explicit".')


def _further(client_id: str, number: int) -> str:
    """The client id of a further member: counted on from a name that ends with a number."""
    head, dash, last = client_id.rpartition("-")
    return f"{head}-{int(last) + number}" if dash and last.isdecimal() else f"{client_id}-{number}"
