"""The values that every measurement sends: JSON objects of exactly 100 bytes with the time they were made."""

import os
import time

VALUE_BYTES = 100
# The load generator reads 19 digits behind the bar, the one byte that stands nowhere else in a stream.
STAMP_BASE = 10**18
NUMBER_BASE = 10**9
_HEAD = b'{"|t":%d,"n":%d,"x":"'
_PAD_BYTES = VALUE_BYTES - len(_HEAD % (STAMP_BASE, NUMBER_BASE)) - len(b'"}')
# Different ones in turn, so that compression finds no more than in real data.
_TAILS = [(os.urandom(_PAD_BYTES).hex()[:_PAD_BYTES] + '"}').encode() for _ in range(256)]


def stamped(number: int, at: int | None = None) -> bytes:
    """Give value `number`, stamped with CLOCK_MONOTONIC: with `at` nanoseconds, or now."""
    moment = time.monotonic_ns() if at is None else at
    return (_HEAD % (moment + STAMP_BASE, NUMBER_BASE + number)) + _TAILS[number & 255]


def stamp_of(text: bytes) -> int:
    """Read the first stamp out of bytes that hold a value."""
    at = text.index(b'"|t":') + len(b'"|t":')
    return int(text[at : at + 19]) - STAMP_BASE
