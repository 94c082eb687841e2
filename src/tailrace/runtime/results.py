"""From what a function returns to records."""

import logging
from collections.abc import Collection, Generator, Mapping, Sequence
from dataclasses import dataclass
from types import NoneType
from typing import Any, Final

from tailrace.core.errors import BadRecord, TailraceError, TooLarge
from tailrace.core.records import Headers
from tailrace.runtime.sending import Outlet, Pending
from tailrace.runtime.values import Encode, as_headers, as_key

_log = logging.getLogger("tailrace.runtime")


class _Inherited:
    """The key of the record that is being handled."""

    def __repr__(self) -> str:
        return "the record's own"


INHERITED: Final = _Inherited()


@dataclass(frozen=True, slots=True)
class To:
    """A result for one topic, of those that its program writes.

    The key is the one of the record that is being handled, unless another, or None, is given.
    """

    topic: str
    value: Any
    key: bytes | str | _Inherited | None = INHERITED
    headers: Headers | Mapping[str, bytes | None] = ()
    partition: int | None = None
    timestamp: int | None = None


class Many(list[Any]):
    """Several results of one call: what a generator has yielded."""


# What is not one value of its own.
_SPECIAL = frozenset({NoneType, To, Many, list, tuple, bytearray})


class Output:
    """Where a program's results go: each to all its topics, or where a `To` says."""

    def __init__(self, topics: Sequence[str], encode: Encode, sender: Outlet) -> None:
        self.topics = tuple(topics)
        self._encode = encode
        self._sender = sender
        self._said = False
        self.unsent: TailraceError | None = None
        """What the producer said when it could not go on, which is no fault of the record in hand."""

    def emit(self, result: object, key: bytes | None = None) -> None:
        """Send what one call has returned; None is nothing."""
        kind = type(result)
        if kind in _SPECIAL:
            self._emit_special(result, key)
            return
        # The hot path of services that write: no call more than needed.
        if self.topics:
            value: bytes = result if kind is bytes else self._encode(result)  # type: ignore[assignment]  # it is bytes
            try:
                for topic in self.topics:
                    self._sender.send(topic, value, key)
            except TailraceError as error:
                self._note(error)
                raise
        elif not self._said:
            self._say_sent_nowhere(kind)

    def send(self, topic: str, value: bytes | None, key: bytes | None, *more: Any, **options: Any) -> None:  # noqa: ANN401  # as Sender.send
        """Send a record as it is."""
        try:
            self._sender.send(topic, value, key, *more, **options)
        except TailraceError as error:
            self._note(error)
            raise

    def deferred(self) -> tuple["Output", Pending]:
        """The same for the event loop: it fills what has to be drained after each call."""
        pending = Pending(self)
        return Output(self.topics, self._encode, pending), pending

    def _note(self, error: TailraceError) -> None:
        if not isinstance(error, BadRecord | TooLarge):
            self.unsent = error

    def _emit_special(self, result: object, key: bytes | None) -> None:
        if isinstance(result, To):
            self._send_to(result, key)
        elif isinstance(result, Many) or (isinstance(result, list | tuple) and _all_to(result)):
            for one in result:
                self.emit(one, key)
        elif result is not None:
            value = self.encoded(result)
            for topic in self.topics:
                self.send(topic, value, key)
            if not self.topics and not self._said:
                self._say_sent_nowhere(type(result))

    def encoded(self, value: object, encode: Encode | None = None) -> bytes:
        """A value as it is stored, in the program's format unless said; bytes as they are."""
        if isinstance(value, bytes | bytearray):
            return bytes(value)
        try:
            return (encode or self._encode)(value)
        except (TypeError, ValueError, RecursionError) as error:
            raise BadRecord(f"A result cannot be stored: {error}.") from error

    def _say_sent_nowhere(self, kind: type) -> None:
        self._said = True
        _log.warning("A function returned a %s, which is sent nowhere: declare it with to=…", kind.__name__)

    def _send_to(self, to: To, key: bytes | None) -> None:
        if self.topics and to.topic not in self.topics:
            raise BadRecord(
                f"The result is for the topic {to.topic!r}, which this program does not write.",
                hint=f"It writes {', '.join(self.topics)}: add it to `to`.",
            )
        value = None if to.value is None else self.encoded(to.value)
        chosen = key if isinstance(to.key, _Inherited) else as_key(to.key)
        self.send(to.topic, value, chosen, to.partition, to.timestamp, as_headers(to.headers))


def _all_to(results: Collection[object]) -> bool:
    return bool(results) and all(type(one) is To for one in results)


def emit_each(output: Output, results: object, keys: Sequence[bytes | None]) -> None:
    """Send the results of a batch; one for each record takes that record's key."""
    if isinstance(results, To):
        results = [results]
    if not isinstance(results, list | tuple | Generator):
        raise BadRecord(
            f"A handler of batches has returned a {type(results).__name__}.",
            hint="Return a list with a result for each record, or several To.",
        )
    given = list(results)
    matching = keys if len(keys) == len(given) else [None] * len(given)
    for result, key in zip(given, matching, strict=True):
        output.emit(result, key)
