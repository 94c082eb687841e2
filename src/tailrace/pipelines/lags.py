"""How far programs are behind, asked beside all else: a broker that is away holds nothing up."""

import threading
from collections.abc import Callable, Mapping, Sequence

from tailrace.kafka.lag import GroupLags
from tailrace.kafka.settings import translate
from tailrace.pipelines.making import Partitions, spots
from tailrace.pipelines.model import Command, Program, Speaks

LAG_SECONDS = 2.0


class LagWatch:
    """Tells the lags of programs' groups, every few seconds, from a thread of its own."""

    def __init__(
        self,
        programs: Sequence[Program],
        partitions: Mapping[str, Partitions],
        told: Callable[[Mapping[str, int]], None],
    ) -> None:
        self._reading = [program for program in programs if program.reads and program.group]
        self._partitions = partitions
        self._told = told
        self._ended = threading.Event()
        self._thread = threading.Thread(target=self._run, name="lags", daemon=True)

    def start(self) -> None:
        """Ask from now on."""
        self._thread.start()

    def end(self) -> None:
        """Ask no more; an answer that is waited for is left."""
        self._ended.set()

    def _run(self) -> None:
        clusters = [self._cluster(broker) for broker in dict.fromkeys(p.broker for p in self._reading)]
        while not self._ended.wait(LAG_SECONDS):
            lags: dict[str, int] = {}
            for cluster in clusters:
                lags |= cluster.ask()
            self._told(lags)
        for cluster in clusters:
            cluster.close()

    def _cluster(self, broker: str) -> GroupLags:
        here = [program for program in self._reading if program.broker == broker]
        groups = {program.group: spots(program, self._partitions[broker]) for program in here}
        # A script may use a group of another name.
        perhaps = [p.group for p in here if isinstance(p.run, Command) and p.run.speaks is Speaks.KAFKA]
        return GroupLags(translate({**here[0].kafka, "bootstrap_servers": broker}), groups, perhaps)
