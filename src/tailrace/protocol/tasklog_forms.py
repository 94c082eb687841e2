"""How a task's log looks to its client: bare lines, text, server-sent events, NDJSON.

Each form turns steps (lines, and the cursor after them) into the pieces of one write.
"""

import base64
from collections.abc import Mapping, Sequence
from typing import NamedTuple, Protocol

import msgspec

from tailrace.protocol.framing import chunked

# Clients that exist read 512 bytes at a time, and show a CR LF cut in two as a blank line.
CHUNK_BYTES = 512

BARE = "multipart/x-mixed-replace"
TEXT = "text/plain; charset=utf-8"
SSE = "text/event-stream; charset=utf-8"
NDJSON = "application/x-ndjson"


class Step(NamedTuple):
    """Lines without their line feeds, and the reader's cursor after them; none where more of them follow."""

    lines: Sequence[bytes]
    cursor: str


class Form(Protocol):
    """One form of a log's stream."""

    media: str
    # Whether each record's and each file line's cursor is told, and not only one for each write.
    each_cursor: bool
    # Whether it has words beside the lines, so that its reader knows more than they say.
    tells: bool

    def steps(self, steps: Sequence[Step]) -> Sequence[bytes]:
        """Lines; each piece stays whole on its way."""
        ...

    def heartbeat(self, cursor: str, *, away: bool) -> bytes:
        """A sign of life, with the cursor where there is one; `away` says that no broker answers."""
        ...

    def event(self, name: str, body: Mapping[str, object]) -> bytes:
        """A gap, stalled, problem or end."""
        ...


class PlainForm:
    """Lines and nothing else; what has to be said is a line too."""

    each_cursor = False
    tells = False

    def __init__(self, media: str, line_end: bytes) -> None:
        self.media = media
        self._line_end = line_end

    def steps(self, steps: Sequence[Step]) -> Sequence[bytes]:
        """All lines as one piece."""
        end = self._line_end
        return [b"".join([line + end for step in steps for line in step.lines])]

    def heartbeat(self, cursor: str, *, away: bool) -> bytes:
        """Nothing can be said."""
        del cursor, away
        return b""

    def event(self, name: str, body: Mapping[str, object]) -> bytes:
        """A line for what is missing and for an error."""
        said = _sentence(name, body)
        return said.encode() + self._line_end if said else b""


class BareForm(PlainForm):
    """Lines that end in CR LF, in pieces of whole lines that a reader of 512 bytes takes at once."""

    def __init__(self) -> None:
        super().__init__(BARE, b"\r\n")

    def steps(self, steps: Sequence[Step]) -> Sequence[bytes]:
        """Whole lines, as many as fit; a longer one alone."""
        pieces: list[bytes] = []
        small = bytearray()
        for step in steps:
            for line in step.lines:
                size = len(line) + 2
                if small and len(small) + size > CHUNK_BYTES:
                    pieces.append(bytes(small))
                    small.clear()
                if size > CHUNK_BYTES:
                    pieces += _long(line)
                else:
                    small += line + b"\r\n"
        if small:
            pieces.append(bytes(small))
        return pieces


def _long(line: bytes) -> Sequence[bytes]:
    # Read 512 bytes at a time its CR would end one of them and its LF begin the next.
    cut = (len(line) + 2) % CHUNK_BYTES == 1
    return (line, b"\r\n") if cut else (line + b"\r\n",)


class NdjsonForm:
    """`{"line": …}` a line; cursors, gaps and the end as control lines."""

    media = NDJSON
    each_cursor = False
    tells = True

    def steps(self, steps: Sequence[Step]) -> Sequence[bytes]:
        """All lines, and the cursor after the last: until it is there they do not count."""
        rows = [line_json(line) + b"\n" for step in steps for line in step.lines]
        told = self.heartbeat(steps[-1].cursor, away=False) if steps[-1].cursor else b""
        return [b"".join(rows) + told]

    def heartbeat(self, cursor: str, *, away: bool) -> bytes:
        """The cursor as a control line."""
        told = [b'{"cursor":"%b"}\n' % cursor.encode()] if cursor else []
        if away or not cursor:
            reason = b"broker_unavailable" if away else b"no_log_yet"
            told.append(b'{"stalled":{"reason":"%b"}}\n' % reason)
        return b"".join(told)

    def event(self, name: str, body: Mapping[str, object]) -> bytes:
        """A control line with one member."""
        member = {"problem": "error", "bye": "end"}.get(name, name)
        return msgspec.json.encode({member: body}) + b"\n"


class SseForm:
    """An event for each line, its id the cursor after it."""

    media = SSE
    each_cursor = True
    tells = True

    def steps(self, steps: Sequence[Step]) -> Sequence[bytes]:
        """The lines; a record's id stands on the last of its own."""
        events: list[bytes] = []
        for step in steps:
            last = len(step.lines) - 1
            for n, line in enumerate(step.lines):
                place = b"id: %b\n" % step.cursor.encode() if n == last and step.cursor else b""
                events.append(b"%bdata: %b\n\n" % (place, line_json(line)))
        return [b"".join(events)]

    def heartbeat(self, cursor: str, *, away: bool) -> bytes:
        """A bare id, or a comment."""
        del away
        return b"id: %b\n\n" % cursor.encode() if cursor else b":\n\n"

    def event(self, name: str, body: Mapping[str, object]) -> bytes:
        """An event of that name, with the cursor as its id where there is one."""
        cursor = body.get("cursor")
        place = f"id: {cursor}\n" if cursor else ""
        return f"event: {name}\n{place}data: ".encode() + msgspec.json.encode(body) + b"\n\n"


FORMS: Mapping[str, Form] = {
    "bare": BareForm(),
    "text": PlainForm(TEXT, b"\n"),
    "ndjson": NdjsonForm(),
    "sse": SseForm(),
}


def line_json(line: bytes) -> bytes:
    """A line as JSON: its text, or base64 where it is none."""
    try:
        return b'{"line":%b}' % msgspec.json.encode(line.decode())
    except UnicodeDecodeError:
        return b'{"line":"%b","encoding":"base64"}' % base64.b64encode(line)


def framed(pieces: Sequence[bytes], *, is_chunked: bool) -> bytes:
    """Pieces as they go to the connection, each a chunk of its own where there are chunks."""
    return b"".join(map(chunked, pieces) if is_chunked else pieces)


def _sentence(name: str, body: Mapping[str, object]) -> str:
    if name == "problem":
        return f"[tailrace] {body['detail']}"
    if name != "gap":
        return ""
    if "file" in body:
        return f"[tailrace] {body['file']} was cut or replaced; lines may be missing here."
    return f"[tailrace] Records of partition {body['partition']} are missing here ({body['cause']})."
