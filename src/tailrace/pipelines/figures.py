"""What is shown of a program: its workers' states, rate, lag, restarts and last error together."""

import time
from collections.abc import Callable, Mapping, Sequence

from tailrace.pipelines.model import Program
from tailrace.pipelines.workers import ENDED, State, Worker

_WORST_FIRST = (
    State.FAILED, State.PAUSED, State.STARTING, State.STOPPING, State.READY, State.RUNNING, State.STOPPED,
    State.DONE,
)  # fmt: skip


class Figures:
    """Rates from one look to the next, by the clock that is given."""

    def __init__(self, workers: Sequence[Worker], clock: Callable[[], float] = time.monotonic) -> None:
        self._workers: dict[str, list[Worker]] = {}
        for worker in workers:
            self._workers.setdefault(worker.program.name, []).append(worker)
        self._clock = clock
        self._looked_at = clock()
        self._counts = dict.fromkeys(self._workers, 0)
        self._lags: Mapping[str, int] = {}

    def hear(self, lags: Mapping[str, int]) -> None:
        """Lags by group, from any thread."""
        self._lags = lags

    def rows(self) -> Sequence[Sequence[str]]:
        """A row for each program: name, state, rate, lag, restarts, last error."""
        now = self._clock()
        seconds, self._looked_at = now - self._looked_at, now
        return [self._row(name, workers, seconds) for name, workers in self._workers.items()]

    def _row(self, name: str, workers: Sequence[Worker], seconds: float) -> Sequence[str]:
        program = workers[0].program
        count = sum(worker.records if program.reads else worker.sent for worker in workers)
        rate = (count - self._counts[name]) / seconds if seconds > 0 else 0.0
        self._counts[name] = count
        lag = self._lags.get(program.group) if program.reads else None
        errors = [worker.error for worker in workers if worker.error]
        return (
            _title(program),
            _state(workers),
            "" if all(worker.state in ENDED for worker in workers) else f"{rate:,.0f}/s",
            "" if lag is None else f"{lag:,}",
            str(sum(worker.restarts.total for worker in workers)),
            errors[-1] if errors else "",
        )


def _title(program: Program) -> str:
    return f"{program.name} x{program.workers}" if program.workers > 1 else program.name


def _state(workers: Sequence[Worker]) -> str:
    states = [worker.state for worker in workers]
    worst = min(states, key=_WORST_FIRST.index)
    count = states.count(worst)
    return str(worst) if count == len(states) else f"{count} of {len(states)} {worst}"
