"""A thread that sends what a spool holds, for as long as it takes.

Every line reaches the topic at least once, in order. After a kill, and where an outcome stayed unknown, the
topic itself is read to see which of the waiting lines it has.
"""

import threading
import time
from collections.abc import Callable, Sequence
from typing import Final

from tailrace.core.errors import (
    BadRequest,
    Forbidden,
    TailraceError,
    TooLarge,
    TopicNotFound,
    Unauthenticated,
)
from tailrace.core.ports import NewRecord, Outcome, Stored
from tailrace.shipping.entries import counted, missing_entry
from tailrace.shipping.numbered import numbered, seen
from tailrace.shipping.slots import Slot
from tailrace.shipping.spool import Reading, Spool
from tailrace.shipping.ways import Outbox, Way

MOST_LINES: Final = 5_000
MOST_BYTES: Final = 1 << 20
FIRST_PAUSE_SECONDS: Final = 0.05
LONGEST_PAUSE_SECONDS: Final = 5.0
IDLE_SECONDS: Final = 1.0
"""How often a quiet outbox is looked after."""
LOOK_SECONDS: Final = 0.1
"""How often a wait looks whether it is to end."""
SAID_AFTER_SECONDS: Final = 5.0
"""Without an answer: brokers that only restart are not worth a word."""
SAY_AGAIN_SECONDS: Final = 60.0
# What the broker will never take, however often it is sent.
_HOPELESS = (BadRequest, TooLarge)

Say = Callable[[str], None]


class Shipper:
    """Sends the lines of spools to a topic.

    Args:
        way: the topic.
        spool: what is written meanwhile; nothing may be appended any more when this is closed.
        slot: given back, and the spool closed, when the thread ends.
        left: what processes that are gone have left; sent first, then given back.
        say: tells people when lines begin to wait, and when they go on.
        create: make the topic if it is missing.
    """

    def __init__(
        self,
        way: Way,
        spool: Spool,
        say: Say,
        *,
        slot: Slot,
        left: Sequence[tuple[Spool, Slot]] = (),
        create: bool = True,
    ) -> None:
        self._way = way
        self._spool = spool
        self._slot = slot
        self._left = list(left)
        self._create = create
        self._say = say
        self._stop = threading.Event()
        # Spools of which lines may be in the topic that are not confirmed.
        self._unsure = {one for one in (spool, *(s for s, _ in left)) if one.waiting}
        self._seen: dict[Spool, set[bytes]] = {}
        self.trouble: Exception | None = None
        """Why nothing can be sent now."""
        self.refused = 0
        """Lines that the brokers will not take, such as those above the topic's limit."""
        self._lost: dict[Spool, int] = {}
        self._silent_since = time.monotonic()
        self._refusal_said_at = -SAY_AGAIN_SECONDS
        self._said = False
        self._thread = threading.Thread(target=self._run, name="tailrace-ship", daemon=True)
        self._thread.start()

    @property
    def waiting(self) -> int:
        """How many lines are not stored yet."""
        return self._spool.waiting + sum(spool.waiting for spool, _ in self._left)

    @property
    def lost(self) -> int:
        """Lines that were on the disk and cannot be read any more."""
        return sum(self._lost.values())

    def drain(self, seconds: float) -> bool:
        """Wait until all is stored; whether it is within the time."""
        deadline = time.monotonic() + seconds
        while self.waiting and (left := deadline - time.monotonic()) > 0:
            with self._spool.changed:
                self._spool.changed.wait(min(left, LOOK_SECONDS))
        return not self.waiting

    def leave(self) -> None:
        """In a forked child: leave all slots to the parent, whose end alone gives them back."""
        for slot in (self._slot, *(slot for _, slot in self._left)):
            slot.release()

    def close(self, seconds: float) -> bool:
        """Give up what is under way and end the thread; whether it ended within the time."""
        self._stop.set()
        with self._spool.changed:
            self._spool.changed.notify_all()
        self._thread.join(seconds)
        return not self._thread.is_alive()

    # --- the thread ---

    def _run(self) -> None:
        pause = FIRST_PAUSE_SECONDS
        while not self._stop.is_set():
            before = self.waiting
            try:
                self._ship_until_stopped()
            except TopicNotFound as error:
                self._make_topic(error)
            except (TailraceError, OSError) as error:
                self._in_trouble(error)
            pause = FIRST_PAUSE_SECONDS if self.waiting < before else min(pause * 2, LONGEST_PAUSE_SECONDS)
            self._stop.wait(pause)
        for spool, slot in [(self._spool, self._slot), *self._left]:
            spool.close()
            slot.release()

    def _ship_until_stopped(self) -> None:
        outbox = self._way.open()
        try:
            for spool, slot in list(self._left):
                spool.rewind()
                if self._send_all(outbox, spool):
                    self._left.remove((spool, slot))
                    spool.close()
                    slot.release()
            self._spool.rewind()
            while self._send_all(outbox, self._spool):
                self._await_lines()
                outbox.idle()
        finally:
            outbox.close()

    def _send_all(self, outbox: Outbox, spool: Spool) -> bool:
        """Send what there is now; False if that was stopped."""
        while not self._stop.is_set():
            reading = spool.read(MOST_LINES, MOST_BYTES)
            if reading is None:
                return True
            self._tell_lost(spool)
            if not self._send(outbox, spool, reading):
                return False
        return False

    def _send(self, outbox: Outbox, spool: Spool, reading: Reading) -> bool:
        seen = self._seen_in_topic(spool)
        records = [record for line, record in numbered(spool.key, reading.frames) if line not in seen]
        partition, position = spool.sent.partition, spool.sent.position
        if records:
            self._unsure.add(spool)
            outcomes = self._delivered(outbox, records)
            last = None if outcomes is None else self._judge(outbox, records, outcomes)
            if last is None:
                return False
            if last.offset >= 0:
                partition, position = last.partition, last.offset + 1
        spool.stored(reading, partition, position)
        self._unsure.discard(spool)
        self._in_order()
        return True

    def _delivered(self, outbox: Outbox, records: Sequence[NewRecord]) -> Sequence[Outcome] | None:
        """The fate of each record, however long it takes; None if that was stopped."""
        outbox.send(records)
        self._silent_since = time.monotonic()
        while (outcomes := outbox.outcomes(LOOK_SECONDS)) is None:
            if self._stop.is_set():
                return None
            self._tell_silence("the brokers confirm nothing")
        return outcomes

    def _judge(
        self, outbox: Outbox, records: Sequence[NewRecord], outcomes: Sequence[Outcome]
    ) -> Stored | None:
        """The last place where one is stored; raises what may pass, None if that was stopped."""
        last = Stored(-1, -1, -1)
        for record, outcome in zip(records, outcomes, strict=True):
            decided: Outcome | None = outcome
            if isinstance(outcome, _HOPELESS):
                decided = self._alone(outbox, record, outcome, among=len(records))
            if decided is None:
                return None
            if isinstance(decided, Stored):
                last = decided
            elif not isinstance(decided, _HOPELESS):
                raise decided
        return last

    def _alone(
        self, outbox: Outbox, record: NewRecord, error: TailraceError, *, among: int
    ) -> Outcome | None:
        """Send a refused record by itself, as its batch may be what was refused, or tell what is missing."""
        if among > 1:
            outcome = self._one(outbox, record)
            if not isinstance(outcome, _HOPELESS):
                return outcome
        self.refused += 1
        if time.monotonic() - self._refusal_said_at >= SAY_AGAIN_SECONDS:
            self._refusal_said_at = time.monotonic()
            self._say(f"{counted(self.refused)} refused: {error}")
        notice = missing_entry(record.timestamp or 0, 1, "the brokers refused it")
        return self._one(outbox, NewRecord(notice.value, record.key, None, notice.timestamp))

    def _one(self, outbox: Outbox, record: NewRecord) -> Outcome | None:
        outcomes = self._delivered(outbox, [record])
        return None if outcomes is None else outcomes[0]

    def _await_lines(self) -> None:
        with self._spool.changed:
            if not self._spool.waiting and not self._stop.is_set():
                self._spool.changed.wait(IDLE_SECONDS)

    # --- what the topic has already ---

    def _seen_in_topic(self, spool: Spool) -> set[bytes]:
        if spool in self._unsure:
            self._seen[spool] = self._look(spool)
            self._unsure.discard(spool)
        return self._seen.get(spool, set())

    def _look(self, spool: Spool) -> set[bytes]:
        """Which of the waiting lines are in the topic."""
        try:
            return seen(self._way, spool.key, spool.sent)
        except (Forbidden, BadRequest, Unauthenticated) as error:
            self._say(f"some lines may be repeated, as the topic cannot be read: {error}")
        except TopicNotFound:
            pass  # so nothing is in it
        return set()

    # --- trouble ---

    def _make_topic(self, missing: TopicNotFound) -> None:
        if not self._create:
            self._in_trouble(missing)
            return
        try:
            self._way.make()
        except TailraceError as error:
            self._in_trouble(error)

    def _in_trouble(self, error: TailraceError | OSError) -> None:
        self.trouble = error
        self._tell_silence(str(error))

    def _tell_silence(self, why: str) -> None:
        silent = time.monotonic() - self._silent_since >= SAID_AFTER_SECONDS
        if silent and self.waiting and not self._said:
            self._said = True
            self._say(f"{counted(self.waiting)} kept in {self._spool.folder} for now: {why}")

    def _tell_lost(self, spool: Spool) -> None:
        if spool.lost > self._lost.get(spool, 0):
            self._lost[spool] = spool.lost
            self._say(f"{counted(spool.lost)} in {spool.folder} cannot be read any more and are lost")

    def _in_order(self) -> None:
        self.trouble = None
        self._silent_since = time.monotonic()
        if self._said:
            self._said = False
            self._say(f"lines of {self._way.topic} go on")
