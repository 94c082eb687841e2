"""One member of a group: a thread that reads and never stops polling, and one that handles."""

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

# With 10,000 at a time, which no cache of the processor holds, a quick handler does a quarter less.
BATCH_RECORDS = 2_000
POLL_SECONDS = 0.1
# A handler that is slower than this is waited for with the partitions paused. To pause throws away what was
# fetched, so a quick one is waited for without.
PATIENCE_SECONDS = 0.5
CLOSE_LOOK_SECONDS = 0.01
# A handler that commits by itself waits for the polling thread's turn.
EXPLICIT_POLL_SECONDS = 0.01
COMMIT_WAIT_SECONDS = 20.0
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
        self._poll_seconds = POLL_SECONDS if commit_seconds else EXPLICIT_POLL_SECONDS
        self._on_failed = on_failed
        self._handover = handover or Handover()
        self._closing = False
        self._asked = False
        # The handling thread's alone: what is handled and not to be committed yet, what is to be once its
        # results are stored, and whether there may be any that are not.
        self._handled: dict[Spot, int] = {}
        self._wanted: dict[Spot, int] = {}
        self._unstored = False
        self._looked_at = self._committed_at = time.monotonic()
        self._committed: Positions = {}
        self._reader: GroupReader | None = None
        self._run_in = run = (copy_context() if context is None else context).run
        self._reading = threading.Thread(target=self._guarded, args=(self._read,), name=f"{name}-read")
        self._handling = threading.Thread(
            target=run, args=(self._guarded, self._handle), name=f"{name}-handle"
        )
        for thread in (self._reading, self._handling):
            thread.daemon = True

    def start(self) -> None:
        """Join the group."""
        self._reading.start()

    def commit(self) -> None:
        """Commit up to the record in hand, when it is done."""
        self._asked = True
        self._handover.interrupt()

    def close(self) -> None:
        """Finish the record in hand, commit and leave, soon."""
        self._closing = True
        self._handover.close()

    def join(self, deadline: float) -> bool:
        """Wait for the end until a time of the monotonic clock; False if a record takes longer."""
        for thread in (self._handling, self._reading):
            if thread.ident is not None:
                thread.join(max(0.0, deadline - time.monotonic()))
        return not self._reading.is_alive()

    def pump(self) -> bool:
        """Read and handle what is there on the caller's thread, without any of its own; False if nothing was.

        Raises:
            TailraceError: it cannot go on.
        """
        self._reader = self._reader or self._open_reader(self._on_revoked)
        # Nobody handles records meanwhile, so nobody is waited for.
        self._handover.end()
        batch = self._reader.poll(BATCH_RECORDS, 0)
        if batch is None:
            return False
        self._run_in(self._work_off, batch)
        self._finish()
        return True

    def leave(self) -> None:
        """Leave the group, where `pump` was used."""
        if self._reader is not None:
            self._handover.end()
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

    # --- the reading thread ---

    def _read(self) -> None:
        self._reader = reader = self._open_reader(self._on_revoked)
        self._handling.start()
        try:
            while not self._closing:
                self._turn(reader)
        finally:
            self.close()
            self._wait_handled(reader)
            reader.close()

    def _wait_handled(self, reader: GroupReader) -> None:
        """What is handled is committed before the group is left, however long the record in hand takes."""
        reader.pause()
        while self._handling.is_alive():
            self._handling.join(CLOSE_LOOK_SECONDS)
            try:
                # What comes in spite of the pause comes again, to others.
                reader.poll(1, 0)
                self._look()
            except TailraceError:
                self._handling.join()

    def _turn(self, reader: GroupReader) -> None:
        if self._handover.room(PATIENCE_SECONDS):
            batch = reader.poll(BATCH_RECORDS, self._poll_seconds)
            if batch is not None:
                self._handover.put(batch)
            self.ready = self.ready or reader.assigned
        elif not self._handover.commit_asked():
            self._wait_paused(reader)
        self._look()

    def _wait_paused(self, reader: GroupReader) -> None:
        reader.pause()
        while not self._closing and not self._handover.room(POLL_SECONDS):
            late = reader.poll(1, 0)
            if late is not None:
                self._handover.put(late)
            self._look()
        reader.resume()

    def _look(self) -> None:
        now = time.monotonic()
        if self._handover.commit_asked():
            self._commit(wait=True)
            self._handover.commit_done()
        if now - self._looked_at > SETTLE_EVERY_SECONDS:
            self._looked_at = now
            # One with much to do would only come by when it has done it all.
            self._handover.interrupt()
        if self._commit_seconds and now - self._committed_at > self._commit_seconds:
            self._committed_at = now
            self._commit(wait=False)

    def _on_revoked(self, spots: Collection[Spot]) -> Positions:
        return self._handover.revoke(spots, REVOKE_SECONDS)

    # --- the handling thread ---

    def _handle(self) -> None:
        try:
            while True:
                batch, lost = self._handover.take()
                self._forget(lost)
                if batch is None:
                    break
                self._work_off(batch)
                if self._handover.idle():
                    self._settle(SETTLE_SECONDS)
            self._finish()
        finally:
            self._handover.end()

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
                goes_on, lost = self._handover.boundary()
                if not goes_on:
                    return
                if lost:
                    batch, row = batch.rest(row, lost), 0
                    self._forget(lost)

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
            if not self._commit_seconds:
                self._commit_now()
        return True

    def _finish(self) -> None:
        self._settle(FINISH_SECONDS)
        self._commit_now()

    def _commit_now(self) -> None:
        """From the handling thread, for only the reading one may ask the client."""
        if threading.current_thread() is not self._handling:
            self._commit(wait=True)
        elif not self._handover.ask_commit(COMMIT_WAIT_SECONDS):
            _log.warning("%s could not commit in time, so some records may come again.", self.name)

    # --- the thread that polls ---

    def _commit(self, *, wait: bool) -> None:
        """Commit what is settled."""
        reader = self._reader
        positions = self._handover.settled()
        if reader is None or (positions == self._committed and not reader.uncommitted()):
            return
        try:
            reader.commit(positions, wait=wait)
        except TailraceError as error:
            _log.warning("%s could not commit, so some records may come again: %s", self.name, error)
        else:
            self._committed = positions
