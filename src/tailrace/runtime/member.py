"""One member of a group: a thread that reads and handles, and one that polls while a handler is slow."""

import logging
import threading
import time
from collections.abc import Callable, Collection
from contextvars import Context, copy_context

from tailrace.core.errors import TailraceError
from tailrace.core.groups import GroupReader, OnRevoked, Polled, Positions, Sender, Spot
from tailrace.runtime.handover import Handover
from tailrace.runtime.steps import Step, StepFailed

_log = logging.getLogger("tailrace.runtime")

# More at a time than the processor's caches hold is slower.
BATCH_RECORDS = 2_000
# A slow handler gets fewer, so that the group hears of this member in between.
BATCH_SECONDS = 0.2
POLL_SECONDS = 0.1
# A record that takes longer is waited for with the partitions paused, which throws away what was fetched.
PATIENCE_SECONDS = 0.5
# For the record in hand when its partition goes to another member, which waits meanwhile.
REVOKE_SECONDS = 30.0
# For results to be stored before what they came from is committed; then it is tried again later, at the end
# with more patience.
SETTLE_SECONDS = 1.0
FINISH_SECONDS = 10.0
# Results are made sure of so often, and at once when there is nothing else to do.
SETTLE_EVERY_SECONDS = 4.0


class Member:
    """Reads, has a step handle what comes, commits what is done; until closed or failed.

    Args:
        name: its client id, for messages.
        open_reader: joins the group.
        step: what is done with the records.
        sender: where the step's results go, to be stored before a commit.
        commit_seconds: between two commits; None commits when `commit` was called.
        on_failed: told, on a thread of the member's, that it cannot go on.
        context: of the handling thread.
    """

    def __init__(
        self,
        name: str,
        open_reader: Callable[[OnRevoked], GroupReader],
        step: Step,
        sender: Sender,
        *,
        commit_seconds: float | None,
        on_failed: Callable[[TailraceError], None],
        context: Context | None = None,
        handover: Handover | None = None,
    ) -> None:
        self.name = name
        self.records = 0
        self.ready = False
        self._open_reader = open_reader
        self._step = step
        self._sender = sender
        self._commit_seconds = commit_seconds
        self._on_failed = on_failed
        self._handover = handover or Handover()
        self._asked = False
        # The handling thread's alone: what is handled and not to be committed yet, what is to be once its
        # results are stored, and whether there may be any that are not.
        self._handled: dict[Spot, int] = {}
        self._wanted: dict[Spot, int] = {}
        self._unstored = False
        self._most = self._least = min(step.size, BATCH_RECORDS)
        # Of the thread that has the reader.
        self._reader: GroupReader | None = None
        self._paused = False
        self._settled_at = self._committed_at = time.monotonic()
        self._committed: Positions = {}
        self._run_in = run = (copy_context() if context is None else context).run
        self._handling = threading.Thread(
            target=run, args=(self._guarded, self._handle), name=f"{name}-handle", daemon=True
        )
        self._keeping = threading.Thread(
            target=self._guarded, args=(self._keep,), name=f"{name}-keep", daemon=True
        )

    def start(self) -> None:
        """Join the group."""
        self._handling.start()

    def commit(self) -> None:
        """Commit up to the record in hand, when it is done."""
        self._asked = True
        self._handover.interrupt()

    def close(self) -> None:
        """Finish the record in hand, commit and leave, soon."""
        self._handover.close()

    def join(self, deadline: float) -> bool:
        """Wait for the end until a time of the monotonic clock; False if a record takes longer."""
        if self._handling.ident is not None:
            self._handling.join(max(0.0, deadline - time.monotonic()))
        return not self._handling.is_alive()

    def pump(self) -> bool:
        """Read and handle what is there on the caller's thread, without any of its own; False if nothing was.

        Raises:
            TailraceError: it cannot go on.
        """
        batch = self._open().poll(BATCH_RECORDS, 0)
        if batch is None:
            return False
        self._run_in(self._work_off, batch)
        self._finish()
        return True

    def leave(self) -> None:
        """Leave the group, where `pump` was used."""
        if self._reader is not None:
            self._reader.close()

    def _guarded(self, run: Callable[[], None]) -> None:
        try:
            run()
        except TailraceError as error:
            self._fail(error)
        except BaseException as error:  # noqa: BLE001  # nobody else hears of a thread's end
            _log.critical("%s failed", self.name, exc_info=error)
            self._fail(TailraceError(f"{self.name} failed.", cause=f"{type(error).__name__}: {error}"))

    def _fail(self, error: TailraceError) -> None:
        self.close()
        self._on_failed(error)

    # --- the keeper's thread ---

    def _keep(self) -> None:
        while self._handover.borrow(PATIENCE_SECONDS):
            try:
                self._stay(self._open())
            finally:
                self._handover.give_back()

    def _stay(self, reader: GroupReader) -> None:
        """Stay a member while a record takes long."""
        if not self._paused:
            reader.pause()
            self._paused = True
        while not self._handover.wanted_back(POLL_SECONDS):
            late = reader.poll(1, 0)
            if late is not None:
                self._handover.keep(late)
            if self._settle_is_due():
                self._handover.interrupt()
            self._commit_in_time()

    def _on_revoked(self, spots: Collection[Spot]) -> Positions:
        if threading.current_thread() is self._keeping:
            return self._handover.revoke(spots, REVOKE_SECONDS)
        # Nothing is in hand while the handling thread polls.
        self._settle(SETTLE_SECONDS)
        self._forget(spots)
        return self._handover.lose(spots)

    # --- the handling thread ---

    def _handle(self) -> None:
        reader = self._open()
        self._keeping.start()
        try:
            while self._own():
                self._turn(reader)
            self._finish()
        finally:
            self._handover.end()
            self._keeping.join()
            reader.close()

    def _own(self) -> bool:
        goes_on, lost = self._handover.own()
        self._forget(lost)
        return goes_on

    def _turn(self, reader: GroupReader) -> None:
        batch = self._handover.polled() or self._poll(reader)
        if batch is not None and self._settle_is_due():
            self._handover.interrupt()
        self._commit_in_time()
        if batch is not None:
            began = time.monotonic()
            self._handover.work()
            self._work_off(batch)
            self._pace(len(batch), time.monotonic() - began)

    def _poll(self, reader: GroupReader) -> Polled | None:
        if self._paused:
            reader.resume()
            self._paused = False
        batch = reader.poll(self._most, 0)
        if batch is None:
            self._settle(SETTLE_SECONDS)
            self._commit_asked()
            batch = reader.poll(self._most, POLL_SECONDS)
        self.ready = self.ready or reader.assigned
        return batch

    def _pace(self, records: int, seconds: float) -> None:
        """Take as many at a time as are handled soon, in whole calls."""
        calls = int(records * BATCH_SECONDS / max(seconds, 1e-6)) // self._least
        self._most = min(max(1, calls), BATCH_RECORDS // self._least) * self._least

    def _work_off(self, batch: Polled) -> None:
        row = 0
        while row < len(batch):
            row = self._run(batch, row)
            if not self._handover.interrupted:
                continue
            stored = False
            # A queue that is never seen empty would never be committed: nothing is added to it meanwhile.
            while not stored:
                stored = self._settle(SETTLE_SECONDS)
                goes_on, lost = self._handover.own()
                if not goes_on:
                    return
                if lost:
                    batch, row = batch.rest(row, lost), 0
                    self._forget(lost)
                self._commit_asked()
                self._handover.work()

    def _forget(self, lost: Collection[Spot]) -> None:
        """What others have now is theirs to commit."""
        for spot in lost:
            self._handled.pop(spot, None)
            self._wanted.pop(spot, None)

    def _run(self, batch: Polled, row: int) -> int:
        try:
            done = self._step.run(batch, row, self._handover)
        except StepFailed as failed:
            self._note(batch, row, failed.row)
            self._finish()
            raise failed.error from failed
        self._note(batch, row, done)
        return done

    def _note(self, batch: Polled, start: int, stop: int) -> None:
        self.records += stop - start
        self._unstored = True
        self._handled.update(batch.ends(start, stop))
        if self._commit_seconds or self._asked:
            # Where it was asked for, up to here and no further, however long the results take.
            self._asked = False
            self._wanted.update(self._handled)
            self._handled.clear()

    def _settle_is_due(self) -> bool:
        """Whether results were not made sure of for long: one with much to do would only do so at its end."""
        now = time.monotonic()
        if now - self._settled_at < SETTLE_EVERY_SECONDS:
            return False
        self._settled_at = now
        return True

    def _settle(self, seconds: float) -> bool:
        """Have results stored, so that what they came from may be committed; False if that takes longer."""
        if not self._unstored:
            return True
        if not self._sender.settle(seconds):
            return False
        self._unstored = False
        if self._wanted:
            self._handover.settle(self._wanted)
            self._wanted.clear()
        return True

    def _finish(self) -> None:
        self._settle(FINISH_SECONDS)
        self._own()
        self._commit(wait=True)

    # --- the thread that has the reader ---

    def _commit_in_time(self) -> None:
        now = time.monotonic()
        if self._commit_seconds and now - self._committed_at > self._commit_seconds:
            self._committed_at = now
            self._commit(wait=False)

    def _commit_asked(self) -> None:
        if not self._commit_seconds:
            self._commit(wait=True)

    def _commit(self, *, wait: bool) -> None:
        """Commit what is settled."""
        reader, positions = self._open(), self._handover.settled()
        if positions == self._committed and not reader.uncommitted():
            return
        try:
            reader.commit(positions, wait=wait)
        except TailraceError as error:
            _log.warning("%s could not commit, so some records may come again: %s", self.name, error)
        else:
            self._committed = positions

    def _open(self) -> GroupReader:
        self._reader = self._reader or self._open_reader(self._on_revoked)
        return self._reader
