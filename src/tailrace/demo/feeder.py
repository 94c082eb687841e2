"""Stores the demo's records, each topic at its pace, until cancelled."""

import asyncio
import logging
from collections.abc import Mapping, Sequence
from itertools import islice
from typing import Final

from tailrace.core.errors import Retry, Stopping, TailraceError
from tailrace.core.ports import LogWriter, NewRecord, Outcome
from tailrace.demo.readings import endless

# Records a second: quick enough to see a stream move, slow enough to read along in `weather`.
PACE: Final[Mapping[str, int]] = {"weather": 20, "airports": 50, "employment": 5}

# Several small steps a second look like a stream; one large step looks like a clock.
STEPS_A_SECOND: Final = 5

_log = logging.getLogger("tailrace.demo")


async def feed(writer: LogWriter, pace: Mapping[str, int] = PACE) -> None:
    """Keep the demo's topics moving until cancelled; the topics must exist.

    A broker that is away is waited for; a topic that cannot be written (somebody deleted it) is left alone.

    Args:
        writer: where to store.
        pace: records a second of each topic.
    """
    async with asyncio.TaskGroup() as topics:
        for topic, rate in pace.items():
            topics.create_task(_feed_topic(writer, topic, rate))


async def _feed_topic(writer: LogWriter, topic: str, rate: int) -> None:
    records = endless(topic)
    loop = asyncio.get_running_loop()
    step = max(1, rate // STEPS_A_SECOND)
    try:
        while True:
            due = loop.time() + step / rate
            await _store(writer, topic, list(islice(records, step)))
            await asyncio.sleep(due - loop.time())
    except Stopping:
        return
    except TailraceError as error:
        _log.warning("The demo topic %s is fed no more: %s", topic, error.detail)


async def _store(writer: LogWriter, topic: str, records: Sequence[NewRecord]) -> None:
    """Store all of them, those that failed again: a demo may show a record twice, but not stop."""
    while records:
        outcomes = await _append(writer, topic, records)
        failed = [(r, o) for r, o in zip(records, outcomes, strict=False) if isinstance(o, TailraceError)]
        records = [*(record for record, _ in failed), *records[len(outcomes) :]]
        if failed:
            await _wait_out(topic, failed[0][1])


async def _append(writer: LogWriter, topic: str, records: Sequence[NewRecord]) -> Sequence[Outcome]:
    """The outcomes of those that were taken; waits for room first."""
    done: asyncio.Future[Sequence[Outcome]] = asyncio.get_running_loop().create_future()

    def on_done(outcomes: Sequence[Outcome]) -> None:
        if not done.cancelled():
            done.set_result(outcomes)

    while not writer.append(topic, records, on_done):
        await writer.writable()
    return await done


async def _wait_out(topic: str, error: TailraceError) -> None:
    if error.retry is Retry.NO or isinstance(error, Stopping):
        raise error
    _log.warning("The demo topic %s waits: %s", topic, error.detail)
    await asyncio.sleep(error.retry_after or 1)
