"""The LogWriter on Kafka: one producer for single records, one for streams, and a bound for both."""

import asyncio
import time
from collections.abc import Awaitable, Callable, Sequence
from typing import Any

from tailrace.core.errors import Stopping
from tailrace.core.ports import NewRecord, Outcome
from tailrace.kafka.settings import LOGGER, ClientSettings, producer_config
from tailrace.kafka.writer_batch import Batch, fitting
from tailrace.kafka.writer_outlet import Outlet
from tailrace.telemetry.metrics import Metrics

# At 400,000 records/s this is 50 ms of the log; what waits longer waits with the client.
MOST_RECORDS = 20_000
MOST_BYTES = 64 << 20
LINGER_MS = 2
CLOSE_SECONDS = 10.0
# Of the time for closing, to learn the fate of what is given up.
_PURGE_SHARE = 0.2
_RETIRE_SECONDS = 2.0
# A topic made again or gone is told after this, in place of the client's 30 s.
_PROPAGATION_MS = 3_000
# The broker and the gateway judge sizes; the client's own bound stays out of the way.
_MOST_MESSAGE_BYTES = 16 << 20


class KafkaWriter:
    """Stores records with idempotence and acks=all. Make it and use it on the loop's thread.

    Args:
        settings: what users said about Kafka.
        most_records: how many may be without an outcome.
        most_bytes: how many bytes they may have.
        metrics: where records are counted.
        close_seconds: how long `close` waits for outcomes before it gives up the rest.
    """

    def __init__(
        self,
        settings: ClientSettings,
        *,
        most_records: int = MOST_RECORDS,
        most_bytes: int = MOST_BYTES,
        close_seconds: float = CLOSE_SECONDS,
        metrics: Metrics | None = None,
    ) -> None:
        self._settings = settings
        self._close_seconds = close_seconds
        self._most_records, self._most_bytes = most_records, most_bytes
        self._room_records, self._room_bytes = most_records, most_bytes
        self._loop = asyncio.get_running_loop()
        self._settled: list[Batch] = []
        self._metrics = metrics or Metrics()
        self._waiting: list[tuple[int, asyncio.Future[None]]] = []
        self._closing = False
        self._retired: set[asyncio.Task[None]] = set()
        self._outlets = {linger: self._outlet(linger=linger) for linger in (False, True)}

    def append(
        self,
        topic: str,
        records: Sequence[NewRecord],
        on_done: Callable[[Sequence[Outcome]], None],
        *,
        linger: bool = False,
    ) -> int:
        """Take records from the front; answer how many, fewer when the bound is reached."""
        # With nothing in flight one record fits, whatever its size: else it would never be judged.
        idle = self._room_records == self._most_records
        taken, nbytes = fitting(records, self._room_records, self._room_bytes, at_least=int(idle))
        if not taken:
            return 0
        self._room_records -= taken
        self._room_bytes -= nbytes
        batch = Batch(topic, records if taken == len(records) else records[:taken], nbytes, on_done)
        if self._closing:
            batch.fail_rest(Stopping("The writer is stopping."))
            self._on_settled(batch)
        else:
            self._outlets[linger].send(batch)
        return taken

    def writable(self) -> Awaitable[None]:
        """Done when there is room again: a quarter of the bound, so that a waiter gets a fair piece."""
        return self._until(4)

    async def close(self, seconds: float | None = None) -> None:
        """Store what was taken, within the seconds; the rest is told as lost or unknown."""
        self._closing = True
        seconds = self._close_seconds if seconds is None else seconds
        if not await self._all_settled(seconds * (1 - _PURGE_SHARE)):
            for outlet in self._outlets.values():
                outlet.purge()
            await self._all_settled(seconds * _PURGE_SHARE)
        await asyncio.gather(*(outlet.close() for outlet in self._outlets.values()), *self._retired)
        self._tell()

    def _outlet(self, *, linger: bool) -> Outlet:
        config: dict[str, Any] = {
            "message.max.bytes": _MOST_MESSAGE_BYTES,
            "topic.metadata.propagation.max.ms": _PROPAGATION_MS,
            # Above our own bound, so that it is never reached.
            "queue.buffering.max.messages": self._most_records * 2,
            "reconnect.backoff.max.ms": 1_000,
            **producer_config(self._settings, linger_ms=LINGER_MS if linger else 0),
        }
        return Outlet(config, at_once=not linger, on_settled=self._on_settled, on_fatal=self._replace)

    # --- outcomes ---

    def _on_settled(self, batch: Batch) -> None:
        # Told by a callback of its own: it may come from within `append`.
        if not self._settled:
            self._loop.call_soon(self._tell)
        self._settled.append(batch)

    def _tell(self) -> None:
        settled, self._settled = self._settled, []
        for batch in settled:
            self._room_records += len(batch.records)
            self._room_bytes += batch.nbytes
        self._wake()
        for batch in settled:
            self._metrics.records_stored.value += len(batch.outcomes) - len(batch.failed)
            for code in batch.failed:
                self._metrics.records_refused.at(code).value += 1
            batch.on_done(batch.outcomes)  # type: ignore[arg-type]  # none is None once settled

    # --- room ---

    def _has_room(self, share: int) -> bool:
        """Whether one part in `share` of both bounds is free."""
        records, nbytes = self._most_records // share, self._most_bytes // share
        return self._room_records >= records and self._room_bytes >= nbytes

    async def _until(self, share: int) -> None:
        if not self._has_room(share):
            waiter = self._loop.create_future()
            self._waiting.append((share, waiter))
            await waiter

    def _wake(self) -> None:
        ready = [waiter for share, waiter in self._waiting if self._has_room(share)]
        self._waiting = [one for one in self._waiting if not self._has_room(one[0])]
        for waiter in ready:
            if not waiter.done():
                waiter.set_result(None)

    async def _all_settled(self, seconds: float) -> bool:
        try:
            async with asyncio.timeout(seconds):
                await self._until(1)
        except TimeoutError:
            return False
        return True

    # --- a producer that can never send again ---

    def _replace(self, broken: Outlet) -> None:
        LOGGER.error("A producer can never send again; another takes its place.")
        for linger, outlet in self._outlets.items():
            if outlet is broken and not self._closing:
                self._outlets[linger] = self._outlet(linger=linger)
        broken.purge()
        task = self._loop.create_task(self._retire(broken))
        self._retired.add(task)
        task.add_done_callback(self._retired.discard)

    async def _retire(self, broken: Outlet) -> None:
        deadline = time.monotonic() + _RETIRE_SECONDS
        # Once in a producer's life; an event for it would cost each record of the hot path.
        while broken.in_flight and time.monotonic() < deadline:  # noqa: ASYNC110 - as said above
            await asyncio.sleep(0.01)
        await broken.close()
