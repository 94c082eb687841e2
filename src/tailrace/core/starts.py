"""`from` and `to`: beginning, end, the last N, a time, or a cursor; and what offsets they mean."""

import re
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Literal

from tailrace.core.cursors import Cursor
from tailrace.core.errors import BadCursor

# Each partition's last ones are looked at, and remembered, until it is known which are the last of all.
MAX_LAST = 100_000

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_LAST = re.compile(r"-(\d{1,9})")
_AGO = re.compile(r"-(\d{1,9})(ms|s|m|h|d)")
_UNIT_MS = {"ms": 1, "s": 1000, "m": 60_000, "h": 3_600_000, "d": 86_400_000}


@dataclass(frozen=True, slots=True)
class Edge:
    """The first record still kept, or the last stable offset."""

    side: Literal["beginning", "end"]


@dataclass(frozen=True, slots=True)
class Last:
    """The last records over all partitions, by timestamp."""

    count: int


@dataclass(frozen=True, slots=True)
class Moment:
    """The first record at or after a time, in milliseconds since 1970."""

    timestamp: int


Start = Edge | Last | Moment | Cursor

BEGINNING = Edge("beginning")
END = Edge("end")


def parse_start(text: str, now_ms: int) -> Start:
    """Read `beginning`, `end`, `-N`, `-15m`, an ISO time (UTC unless it says otherwise) or a cursor.

    Raises:
        BadCursor: it is none of these.
    """
    if text in {"beginning", "end"}:
        return Edge(text)  # type: ignore[arg-type]
    if match := _LAST.fullmatch(text):
        return _last(int(match[1]))
    if match := _AGO.fullmatch(text):
        return Moment(max(0, now_ms - int(match[1]) * _UNIT_MS[match[2]]))
    if re.match(r"\d{4}-\d{2}-\d{2}", text) and "@" not in text:
        return _moment(text)
    if "@" in text or text.startswith("~2") or text.endswith(":"):
        return Cursor.parse(text)
    raise BadCursor(
        f"{text[:80]!r} is no place to start.",
        hint="Use beginning, end, -100 (the last 100), -15m, 2026-11-20T10:00Z, or a cursor.",
    )


def _last(count: int) -> Last:
    if count > MAX_LAST:
        raise BadCursor(
            f"The last {count} records are too many to find at once.",
            hint=f"Ask for at most {MAX_LAST}, or start at a time such as -15m.",
        )
    return Last(count)


def _moment(text: str) -> Moment:
    try:
        moment = datetime.fromisoformat(text)
    except ValueError as error:
        raise BadCursor(
            f"{text[:80]!r} is not a time.", cause=str(error), hint="Write it as 2026-11-20T10:00Z."
        ) from None
    if moment.tzinfo is None:
        moment = moment.replace(tzinfo=UTC)
    return Moment(max(0, (moment - _EPOCH) // timedelta(milliseconds=1)))
