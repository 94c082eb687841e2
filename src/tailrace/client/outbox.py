"""Batches to one topic over HTTP, a request each."""

from collections.abc import Sequence
from urllib.parse import quote

import msgspec

from tailrace.client.exchange import Address, request
from tailrace.client.load import record_line
from tailrace.client.problems import Problem, to_error
from tailrace.core.errors import TooLarge, Unavailable
from tailrace.core.ports import NewRecord, Outcome, Stored

MOST_RECORDS = 10_000
"""What a gateway takes at once."""


class _Answer(msgspec.Struct):
    """A record's place or its error."""

    partition: int = -1
    offset: int = -1
    timestamp: int = -1
    error: Problem | None = None


_decode = msgspec.json.Decoder(list[_Answer]).decode


class GatewayOutbox:
    """One batch after another; each record's fate is told."""

    def __init__(self, address: Address, topic: str) -> None:
        self._address = address
        self._path = f"/v1/topics/{quote(topic, safe='')}/records"
        self._records: Sequence[NewRecord] = ()

    def send(self, records: Sequence[NewRecord]) -> None:
        """Take a batch of at most MOST_RECORDS; it is stored by `outcomes`."""
        self._records = records

    def outcomes(self, seconds: float) -> Sequence[Outcome] | None:
        """The fate of each record, in order; it takes as long as the gateway's answer."""
        del seconds
        body = b"[%b]" % b",".join([record_line(record).rstrip() for record in self._records])
        try:
            answered = request(self._address, "POST", self._path, body)
        except TooLarge as error:  # for all of them, and none was stored
            return [error] * len(self._records)
        try:
            answers = _decode(answered)
        except msgspec.MsgspecError as error:
            raise Unavailable("The answer is not a gateway's.", cause=str(error)) from None
        return [_outcome(one) for one in answers]

    def idle(self) -> None:
        """Nothing waits between two batches."""

    def close(self) -> None:
        """Nothing is open between two batches."""


def _outcome(answer: _Answer) -> Outcome:
    if answer.error is not None:
        return to_error(answer.error)
    return Stored(answer.partition, answer.offset, answer.timestamp)
