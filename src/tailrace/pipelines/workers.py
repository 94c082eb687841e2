"""One worker of a program: its process, started, listened to, started again when it dies."""

import asyncio
import os
import signal
import tempfile
import time
from collections.abc import Callable, Sequence
from contextlib import ExitStack, suppress
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Self

import msgspec

from tailrace.pipelines.launch import Launch
from tailrace.pipelines.model import Program
from tailrace.pipelines.output import LineSplitter
from tailrace.pipelines.restarts import Restarts
from tailrace.runtime.spec import DONE, WRONG_USAGE, Status

READ_BYTES = 64 * 1024
OUTPUT_SECONDS = 2.0
"""For what a dead process has printed to come through; a child of its own may hold the pipe open."""


class State(StrEnum):
    """Where a worker is in its life."""

    STARTING = "starting"
    READY = "ready"
    RUNNING = "running"
    PAUSED = "restarting"
    STOPPING = "stopping"
    STOPPED = "stopped"
    DONE = "done"
    FAILED = "failed"


ENDED = frozenset({State.STOPPED, State.DONE, State.FAILED})
UP = frozenset({State.READY, State.RUNNING, State.DONE})


@dataclass
class Worker:
    """A process of a program; `changed` is called at every change of its state."""

    program: Program
    index: int
    launch: Launch
    printed: Callable[["Worker", bytes], None]
    changed: Callable[["Worker"], None]
    state: State = State.STARTING
    error: str = ""
    exit_code: int | None = None
    restarts: Restarts = field(init=False)
    _status: Status = field(default_factory=lambda: Status("ready"))
    _before: tuple[int, int] = (0, 0)
    _process: asyncio.subprocess.Process | None = None
    _stopping: asyncio.Event = field(default_factory=asyncio.Event)

    def __post_init__(self) -> None:
        self.restarts = Restarts(self.program.restarts)

    @property
    def name(self) -> str:
        """The program's, with the worker's number where there are several."""
        return f"{self.program.name}.{self.index}" if self.program.workers > 1 else self.program.name

    @property
    def records(self) -> int:
        """Handled so far, by the processes before this one too."""
        return self._before[0] + self._status.records

    @property
    def sent(self) -> int:
        """Written so far."""
        return self._before[1] + self._status.sent

    @property
    def hint(self) -> str:
        """What its process said to do, if anything."""
        return self._status.hint

    @property
    def pid(self) -> int | None:
        """The process that runs now."""
        return self._process.pid if self._process and self._process.returncode is None else None

    async def run(self) -> None:
        """Until it is done, stopped, or has died too often."""
        if self._stopping.is_set():
            self._become(State.STOPPED)
            return
        while True:
            started = time.monotonic()
            await self._once()
            if self._ended():
                return
            # Wrong usage would end in the same way each time.
            wrong = self.exit_code == WRONG_USAGE
            pause = None if wrong else self.restarts.died(time.monotonic() - started)
            if pause is None:
                self._become(State.FAILED)
                return
            self._become(State.PAUSED)
            if await self._stopped_within(pause):
                self._become(State.STOPPED)
                return

    def stop(self) -> None:
        """Have it finish, commit and leave."""
        self._stopping.set()
        if self.pid and self._process:
            self._become(State.STOPPING)
            self._process.terminate()

    def kill(self) -> None:
        """End it at once, with all that it has started."""
        self._stopping.set()
        if self.pid:
            self._signal_group(signal.SIGKILL)

    async def _once(self) -> None:
        self._before, self._status = (self.records, self.sent), Status("ready")
        self._become(State.STARTING)
        try:
            listening = await self._start()
        except OSError as error:
            self.exit_code, self.error = WRONG_USAGE, f"{self.launch.argv[0]}: {error.strerror}"
            return
        assert self._process is not None
        self.exit_code = await self._process.wait()
        # A command that has lost its worker must not go on beside the next one.
        self._signal_group(signal.SIGKILL)
        _, late = await asyncio.wait(listening, timeout=OUTPUT_SECONDS)
        for task in late:
            task.cancel()
        self._explain(self.exit_code)

    async def _start(self) -> Sequence["asyncio.Task[None]"]:
        """Start the process; answers who listens to it."""
        with ExitStack() as theirs, ExitStack() as ours, tempfile.TemporaryFile() as document:
            # Pipes of our own: asyncio's would hold back the news of an end while a child holds them open.
            output, errors = (_Pipe.open(ours, theirs, self._print) for _ in range(2))
            argv, kept, listening = self.launch.argv, [], [output, errors]
            if self.launch.spec is not None:
                document.write(self.launch.spec)
                document.seek(0)
                status = _Pipe.open(ours, theirs, self._hear)
                kept = [document.fileno(), status.theirs]
                argv = (*argv, "--spec-fd", str(kept[0]), "--status-fd", str(kept[1]))
                listening.append(status)
            self._process = await asyncio.create_subprocess_exec(
                *argv,
                stdin=asyncio.subprocess.DEVNULL,
                stdout=output.theirs,
                stderr=errors.theirs,
                pass_fds=kept,
                cwd=self.launch.cwd,
                env=dict(self.launch.env),
                # A Ctrl-C at the terminal is ours: programs are stopped in order.
                start_new_session=True,
            )
            ours.pop_all()
        if self.launch.spec is None:
            self._become(State.RUNNING)
        if self._stopping.is_set():
            self._process.terminate()
        return [asyncio.create_task(pipe.listen()) for pipe in listening]

    def _print(self, line: bytes) -> None:
        self.printed(self, line)

    def _hear(self, line: bytes) -> None:
        try:
            status = msgspec.json.decode(line, type=Status)
        except msgspec.DecodeError:
            return
        self._status = status
        self.error = status.error or self.error
        if status.state in {"ready", "running"} and not self._stopping.is_set():
            self._become(State(status.state))

    def _explain(self, code: int) -> None:
        """Why it ended, where it has not said so itself."""
        if self._status.state != "failed" and not self._stopping.is_set() and self._dies(code):
            by_signal = f"killed by {signal.Signals(-code).name}" if code < 0 else ""
            self.error = by_signal or f"ended with exit code {code}"

    def _dies(self, code: int) -> bool:
        """Whether an end with this code is one too early: a program that only writes may be done."""
        if code != DONE or self.program.reads:
            return True
        # One that somebody else has stopped ends with the same code, but does not say that it is done.
        return self._status.state == "stopping"

    def _ended(self) -> bool:
        if self._stopping.is_set():
            self._become(State.STOPPED)
        elif self.exit_code is not None and not self._dies(self.exit_code):
            self._become(State.DONE)
        return self.state in ENDED

    async def _stopped_within(self, seconds: float) -> bool:
        try:
            await asyncio.wait_for(self._stopping.wait(), seconds)
        except TimeoutError:
            return False
        return True

    def _become(self, state: State) -> None:
        if state is not self.state:
            self.state = state
            self.changed(self)

    def _signal_group(self, number: signal.Signals) -> None:
        """Signal the session that was made for it, a command's own children too."""
        assert self._process is not None
        with suppress(ProcessLookupError):
            os.killpg(self._process.pid, number)


class _Pipe:
    """A pipe from a process, listened to line by line."""

    def __init__(self, ours: int, theirs: int, said: Callable[[bytes], None]) -> None:
        self.theirs = theirs
        self._ours = os.fdopen(ours, "rb", buffering=0)
        self._said = said

    @classmethod
    def open(cls, ours: ExitStack, theirs: ExitStack, said: Callable[[bytes], None]) -> Self:
        """A new one, whose ends the two stacks close."""
        pipe = cls(*os.pipe(), said)
        ours.callback(pipe._ours.close)
        theirs.callback(os.close, pipe.theirs)
        return pipe

    async def listen(self) -> None:
        """Until its other end is closed."""
        reader = asyncio.StreamReader()
        loop = asyncio.get_running_loop()
        transport, _ = await loop.connect_read_pipe(lambda: asyncio.StreamReaderProtocol(reader), self._ours)
        lines = LineSplitter()
        try:
            while data := await reader.read(READ_BYTES):
                for line in lines.split(data):
                    self._said(line)
        finally:
            transport.close()
        for line in lines.end():
            self._said(line)
