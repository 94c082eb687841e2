"""Starts the programs of a pipeline, watches them, and stops them in the order of the flow."""

import asyncio
import signal
import time
from collections.abc import Collection, Mapping, Sequence
from contextlib import suppress
from pathlib import Path

from tailrace.core.errors import TailraceError
from tailrace.pipelines.console import Console
from tailrace.pipelines.figures import Figures
from tailrace.pipelines.graph import followers, levels
from tailrace.pipelines.lags import LagWatch
from tailrace.pipelines.launch import launch
from tailrace.pipelines.making import Partitions
from tailrace.pipelines.model import Pipeline, Program
from tailrace.pipelines.output import KeptOutput, Throttle
from tailrace.pipelines.workers import ENDED, UP, State, Worker
from tailrace.runtime.spec import ECHO_SECONDS, WRONG_USAGE

STOP_SECONDS = 25.0
"""For all programs to finish and commit; then they are killed."""
KILL_SECONDS = 5.0
READERS_SECONDS = 10.0
"""For readers to become members of their groups before sources begin all the same."""
TABLE_SECONDS = 0.5


class Supervisor:
    """Runs programs until all are done, one has died too often, or a signal comes."""

    def __init__(
        self,
        pipeline: Pipeline,
        programs: Sequence[Program],
        partitions: Mapping[str, Partitions],
        console: Console,
        outputs: Path | None,
    ) -> None:
        self._pipeline = pipeline
        self._console = console
        self._kept = {p.name: KeptOutput(outputs / f"{p.name}.log") for p in programs} if outputs else {}
        self._throttles = {program.name: Throttle() for program in programs}
        self._workers = [
            Worker(program, index, launch(program, index, pipeline), self._printed, self._changed)
            for program in programs
            for index in range(program.workers)
        ]
        self._figures = Figures(self._workers)
        self._lags = LagWatch(programs, partitions, self._figures.hear)
        self._started = time.monotonic()
        self._up = False
        self._signals: list[int] = []
        self._echo_until = 0.0
        self._wake = asyncio.Event()
        self._readers_up = asyncio.Event()

    async def run(self) -> int:
        """Answers the exit code."""
        loop = asyncio.get_running_loop()
        for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
            loop.add_signal_handler(number, self._on_signal, number)
        running = [asyncio.create_task(self._run(worker)) for worker in self._workers]
        if not any(worker.program.reads for worker in self._workers):
            self._readers_up.set()
        showing = asyncio.create_task(self._show())
        self._lags.start()
        try:
            await self._until_over()
            await self._stop()
            await asyncio.wait(running, timeout=KILL_SECONDS)
        finally:
            self._lags.end()
            for task in (showing, *running):
                task.cancel()
            self._kill()
        self._console.table(self._figures.rows())
        for kept in self._kept.values():
            kept.close()
        return self._exit_code()

    async def _run(self, worker: Worker) -> None:
        """Sources wait for readers: workers share from the first record on, `start: latest` misses none."""
        if not worker.program.reads:
            with suppress(TimeoutError):
                await asyncio.wait_for(self._readers_up.wait(), READERS_SECONDS)
        await worker.run()

    async def _until_over(self) -> None:
        while not (self._signals or self._failed() or self._all_ended()):
            self._wake.clear()
            await self._wake.wait()

    async def _stop(self) -> None:
        """Sources first, so that nobody is sent more; each finishes and commits."""
        left = [worker for worker in self._workers if worker.state not in ENDED]
        if not left:
            return
        self._console.note("Stopping, sources first.")
        self._readers_up.set()
        deadline = time.monotonic() + STOP_SECONDS
        order = levels(followers(self._pipeline))
        for behind, level in zip(range(len(order), 0, -1), order, strict=True):
            here = [worker for worker in left if worker.program.name in level]
            for worker in here:
                worker.stop()
            # A slow level takes nothing of the time of those after it, which get what it leaves.
            await self._until_ended(here, (deadline - time.monotonic()) / behind)
        await self._until_ended(left, deadline - time.monotonic())
        self._kill()

    async def _until_ended(self, workers: Collection[Worker], seconds: float) -> None:
        deadline = time.monotonic() + seconds
        while any(worker.state not in ENDED for worker in workers) and len(self._signals) < 2:
            self._wake.clear()
            try:
                await asyncio.wait_for(self._wake.wait(), max(0.0, deadline - time.monotonic()))
            except TimeoutError:
                return

    def _kill(self) -> None:
        for worker in self._workers:
            if worker.state not in ENDED and worker.pid:
                self._console.note(f"{worker.name} did not stop in time and is killed.")
                worker.kill()

    def _exit_code(self) -> int:
        if len(self._signals) > 1:
            return 128 + self._signals[1]
        failed = self._failed()
        if failed:
            raise _failure(failed)
        return 0

    # --- what workers and signals tell ---

    def _failed(self) -> Worker | None:
        return next((worker for worker in self._workers if worker.state is State.FAILED), None)

    def _all_ended(self) -> bool:
        return all(worker.state in ENDED for worker in self._workers)

    def _on_signal(self, number: int) -> None:
        now = time.monotonic()
        if now >= self._echo_until:
            self._echo_until = now + ECHO_SECONDS
            self._signals.append(number)
            self._wake.set()

    def _printed(self, worker: Worker, line: bytes) -> None:
        text = line.rstrip(b"\r").decode(errors="replace")
        self._keep(worker, text)
        throttle = self._throttles[worker.program.name]
        if left_out := throttle.left_out():
            self._console.note(f"{left_out:,} lines of {worker.program.name} are not shown here.")
        if not throttle.passes():
            return
        self._console.line(worker.name, "".join(c if c.isprintable() or c == "\t" else " " for c in text))

    def _keep(self, worker: Worker, text: str) -> None:
        kept = self._kept.get(worker.program.name)
        if kept is None:
            return
        try:
            kept.add(f"{worker.name} | {text}".encode(errors="replace"))
        except OSError as error:
            # A program must not wait because its output cannot be kept.
            del self._kept[worker.program.name]
            self._console.note(f"What {worker.program.name} prints is not kept any more: {error.strerror}.")

    def _changed(self, worker: Worker) -> None:
        if worker.state is State.PAUSED:
            count = f"restart {worker.restarts.total}, at most {worker.program.restarts} in a row"
            self._console.note(f"{worker.name}: {worker.error.rstrip('.')}; {count}.")
        elif worker.state in ENDED:
            self._console.note(f"{worker.name}: {worker.state}{_why(worker)}.")
        if all(one.state in UP for one in self._workers if one.program.reads):
            self._readers_up.set()
        if not self._up and all(one.state in UP for one in self._workers):
            self._up = True
            seconds = time.monotonic() - self._started
            programs = len({one.program.name for one in self._workers})
            which = "The program is" if programs == 1 else f"All {programs} programs are"
            self._console.note(f"{which} ready after {seconds:.1f} s.")
        self._wake.set()

    # --- what people look at ---

    async def _show(self) -> None:
        while True:
            self._console.table(self._figures.rows())
            await asyncio.sleep(TABLE_SECONDS)


def _failure(worker: Worker) -> TailraceError:
    wrong = worker.exit_code == WRONG_USAGE
    deaths = 0 if wrong else worker.restarts.in_a_row
    what = f"died {deaths} times in a row" if deaths > 1 else "died" if deaths else "could not run"
    # What is used wrongly may be the command line or the file, and need not be what is run.
    hint = worker.hint if wrong else ""
    return TailraceError(
        f"The pipeline was stopped: {worker.name} {what}.",
        cause=f"{worker.error.removesuffix(hint).rstrip('. ')}.",
        hint=hint or f"Mend {worker.program.run}, then start again: it goes on where it was.",
    )


def _why(worker: Worker) -> str:
    return f": {worker.error.rstrip('.')}" if worker.error and worker.state is State.FAILED else ""
