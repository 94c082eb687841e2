"""Streams as newline-delimited JSON: a line with `topic` is a record, others have one member."""

import re
from collections.abc import Callable, Mapping, Sequence

import msgspec

from tailrace.core.records import Chunk
from tailrace.protocol.codecs import encode_records, encode_values, value_ends

_line_ends = re.compile(rb"\n")


class NdjsonFormat:
    """One record a line; cursors, gaps and the end as control lines."""

    cursor_in_records = False

    def __init__(self, frame: Callable[[bytes], bytes]) -> None:
        self.frame = frame

    def records(self, chunk: Chunk, tag: str, before: Mapping[int, int]) -> bytes:
        """A line a record."""
        del tag, before
        return encode_records(chunk)

    def ends(self, chunk: Chunk, data: bytes) -> Sequence[int]:
        """A record never holds a line break."""
        del chunk
        return [match.end() for match in _line_ends.finditer(data)]

    def cursor(self, text: str) -> bytes:
        """A control line; a cursor has nothing that JSON would escape."""
        return b'{"cursor":"%b"}\n' % text.encode("ascii")

    def idle(self) -> bytes:
        """A control line: there is no cursor yet, as no broker says where the topics stand."""
        return b'{"stalled":{"reason":"broker_unavailable"}}\n'

    def event(self, name: str, body: Mapping[str, object]) -> bytes:
        """A control line with one member."""
        member = {"problem": "error", "bye": "end"}.get(name, name)
        return msgspec.json.encode({member: body}) + b"\n"


class ValuesFormat:
    """Bare values, each with a line feed; nothing else can be told, so a gap or an error breaks off."""

    cursor_in_records = False

    def __init__(self, frame: Callable[[bytes], bytes]) -> None:
        self.frame = frame

    def records(self, chunk: Chunk, tag: str, before: Mapping[int, int]) -> bytes:
        """The values."""
        del tag, before
        return encode_values(chunk)

    def ends(self, chunk: Chunk, data: bytes) -> Sequence[int]:
        """A value may hold line breaks, so their lengths tell."""
        del data
        return value_ends(chunk)

    def cursor(self, text: str) -> bytes:
        """Nothing: the start stands in the response's header."""
        del text
        return b""

    def idle(self) -> bytes:
        """Nothing can be said."""
        return b""

    def event(self, name: str, body: Mapping[str, object]) -> bytes | None:
        """An ordinary end needs no words; anything else can't be told."""
        if name == "stalled" or (name == "end" and body.get("reason") in {"to", "limit", "idle"}):
            return b""
        return None
