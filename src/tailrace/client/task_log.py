"""A task's log over HTTP: a stream of lines that is resumed by cursor wherever it is cut."""

import base64
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from urllib.parse import urlencode

import msgspec

from tailrace.client.exchange import Address, Exchange
from tailrace.client.problems import Problem, to_error
from tailrace.client.records import End, Stalled
from tailrace.client.responses import Head
from tailrace.client.resumed import SILENCE_SECONDS, TICK_SECONDS, Resumed
from tailrace.core.errors import TailraceError, TooLarge, Unavailable
from tailrace.core.scans import Waiting
from tailrace.protocol.produce_lines import LineBuffer

PATH = "/api/v1/logs"
# A log that is to end gives up when nothing could be reached for so long.
GIVE_UP_SECONDS = 60.0
# A line of 1 MiB, each of its characters escaped.
LONGEST_LINE = 16 << 20
# Lines whose cursor has not come yet; a gateway gives one after each write.
LARGEST_WAITING = 64 << 20
# What a line takes beside its bytes.
LINE_BYTES = 50


class _Gap(msgspec.Struct):
    cause: str
    file: str | None = None
    partition: int = 0


class _Said(msgspec.Struct):
    """A line of the stream; one of the members is given."""

    line: str | None = None
    encoding: str | None = None
    cursor: str | None = None
    gap: _Gap | None = None
    stalled: Stalled | None = None
    error: Problem | None = None
    end: End | None = None


_decode: Callable[[bytes], _Said] = msgspec.json.Decoder(_Said).decode


@dataclass(frozen=True, slots=True)
class LogRequest:
    """Whose log; `last` None is all of it."""

    task: str
    last: int | None = None
    follow: bool = False


@dataclass(frozen=True, slots=True)
class LostLines:
    """Lines may be missing here."""

    where: str
    cause: str


LogEvent = Sequence[bytes] | LostLines | Waiting | None


class TaskLog:
    """Reads a log; the first connection is made when it is made.

    Lines are handed out once their cursor has come: what was cut before it comes again.

    Args:
        address: the gateway.
        request: what to read.
        asked: told of each request and its answer, without what it showed.
    """

    def __init__(self, address: Address, request: LogRequest, asked: Callable[[str], None]) -> None:
        self._address = address
        self._request = request
        self._asked = asked
        self._cursor = ""
        self._waiting: list[bytes] = []
        self._waiting_bytes = 0
        self._done = False
        self._stream = Resumed(self._open, self._read, done=lambda: self._done, gives_up=self._gives_up)

    def events(self) -> Iterator[LogEvent]:
        """What comes, until the log's end; None some times a second when nothing does."""
        return self._stream.events()

    def _gives_up(self, _: Unavailable, seconds: float) -> bool:
        # An error that ended the log is its last word: it was not read whole.
        return self._done or (seconds > GIVE_UP_SECONDS and not self._request.follow)

    def _open(self) -> Exchange:
        request = self._request
        query: list[tuple[str, object]] = [("method", "kafka"), ("id", request.task)]
        if self._cursor:
            query.append(("from", self._cursor))
        elif request.last is not None:
            query.append(("tail", request.last))
        if request.follow:
            query.append(("follow", "true"))
        target = f"{PATH}?{urlencode(query)}"
        begun = time.monotonic()
        self._asked(f"GET {self._address}{target}")
        try:
            exchange = Exchange(self._address, "GET", target, {"Accept": "application/x-ndjson"})
        except TailraceError as error:
            self._asked(f"failed after {time.monotonic() - begun:.3f} s: {error.detail}")
            raise
        try:
            head = self._wait_head(exchange, begun)
            if not head.headers.get("content-type", "").startswith("application/x-ndjson"):
                # Errors with status 200, as older servers sent them.
                raise _refusal(exchange.read_all())
        except BaseException:
            exchange.close()
            raise
        self._waiting.clear()
        self._waiting_bytes = 0
        return exchange

    def _wait_head(self, exchange: Exchange, begun: float) -> Head:
        said = ""
        try:
            return exchange.wait_head()
        except TailraceError as error:
            said = f": {error.detail}"
            raise
        finally:
            status = exchange.head.status if exchange.head else "failed"
            self._asked(f"{status} after {time.monotonic() - begun:.3f} s{said}")

    def _read(self, exchange: Exchange) -> Iterator[LogEvent]:
        lines = LineBuffer(LONGEST_LINE)
        heard = time.monotonic()
        while not self._done:
            data = exchange.read(TICK_SECONDS)
            if data:
                heard = time.monotonic()
            elif exchange.ended or time.monotonic() - heard > SILENCE_SECONDS:
                raise Unavailable(f"The log from {self._address} was cut; going on from the cursor.")
            else:
                yield None
            for line in _whole(lines, data):
                if line and (event := self._obey(_said(line))) is not None:
                    yield event

    def _obey(self, said: _Said) -> LogEvent:
        if said.line is not None:
            self._keep(_text(said.line, said.encoding))
        elif said.cursor is not None:
            return self._move_to(said.cursor)
        elif said.gap is not None:
            return LostLines(said.gap.file or f"partition {said.gap.partition}", said.gap.cause)
        elif said.stalled is not None and said.stalled.reason == "broker_unavailable":
            return Waiting("the gateway cannot reach Kafka")
        elif said.error is not None:
            error = to_error(said.error)
            if said.error.retry in {"same", "after"} and self._request.follow:
                raise Unavailable(error.detail, cause=error.cause)
            self._done = True
            raise error
        elif said.end is not None:
            self._done = said.end.reason == "idle"
            return self._move_to(said.end.cursor) if said.end.cursor else None
        return None

    def _keep(self, text: bytes) -> None:
        self._waiting.append(text)
        self._waiting_bytes += len(text) + LINE_BYTES
        if self._waiting_bytes > LARGEST_WAITING:
            raise _no_log("It gives lines without a cursor.")

    def _move_to(self, cursor: str) -> LogEvent:
        self._cursor = cursor
        lines, self._waiting, self._waiting_bytes = self._waiting, [], 0
        return lines or None


class _Refusal(msgspec.Struct):
    message: str = ""


def _refusal(body: bytes) -> TailraceError:
    try:
        said = msgspec.json.decode(body, type=_Refusal).message
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
        said = ""
    return TailraceError(said, hint="Check the address (--url).") if said else _no_log()


def _no_log(cause: str = "") -> TailraceError:
    return TailraceError("What answers there is no log.", cause=cause, hint="Check the address (--url).")


def _whole(lines: LineBuffer, data: bytes) -> list[bytes]:
    try:
        whole = lines.feed(data)
        lines.check()
    except TooLarge as error:
        raise _no_log(error.detail) from None
    return whole.split(b"\n")


def _text(line: str, encoding: str | None) -> bytes:
    try:
        return base64.b64decode(line, validate=True) if encoding else line.encode()
    except ValueError as error:
        raise _no_log(str(error)) from None


def _said(line: bytes) -> _Said:
    try:
        return _decode(line)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError) as error:
        raise _no_log(str(error)) from None
