"""What a client asks of a task's log."""

from collections.abc import Mapping
from dataclasses import dataclass

from tailrace.core.cursors import valid_topic_name
from tailrace.core.errors import BadCursor, BadRequest
from tailrace.core.ports import internal_topic
from tailrace.core.starts import BEGINNING, Start
from tailrace.protocol.parameters import Value
from tailrace.protocol.tasklog_cursor import LogCursor
from tailrace.protocol.tasklog_forms import FORMS, Form
from tailrace.transports.accept import accepted

METHOD = "kafka"
# Clients of the default form give up after 50 s without a byte, and idle time has none.
LONGEST_BARE_IDLE = 45.0

# Anything else gets what servers of this route have always sent, whatever was accepted.
_MEDIA = {
    "multipart/x-mixed-replace": "bare",
    "*/*": "bare",
    "text/plain": "text",
    "text/*": "text",
    "text/event-stream": "sse",
    "application/x-ndjson": "ndjson",
}


@dataclass(frozen=True, slots=True)
class LogRequest:
    """Whose log, in which form, from where on, for how long; `last` lines None is all."""

    task: str
    form: Form
    cursor: LogCursor
    start: Start
    last: int | None
    idle: float | None


def read_request(
    values: Mapping[str, Value], headers: Mapping[bytes, bytes], idle: float, longest_cursor: int
) -> LogRequest:
    """A request's words, checked.

    Args:
        values: its parameters.
        headers: its headers.
        idle: the time without a record after which a log ends by default.
        longest_cursor: bytes that a cursor may have.

    Raises:
        BadRequest: they are wrong.
    """
    if str(values["method"]).lower() != METHOD:
        raise BadRequest(f"The parameter 'method' is {str(values['method'])[:80]!r}; it has to be kafka.")
    task = str(values["id"])
    if not valid_topic_name(task) or internal_topic(task):
        raise BadRequest("The parameter 'id' is no name of a task.")
    form = accepted_form(headers.get(b"accept", b""))
    # An EventSource repeats its whole address when it comes back, so the header is the newer one.
    resumed = headers.get(b"last-event-id", b"").decode("latin-1")
    last = None if resumed else values["tail"]
    if last is not None and values["from"]:
        raise BadRequest("A log is read from a cursor on, or its last lines: leave out from= or tail=.")
    text = resumed or str(values["from"] or "")
    if len(text) > longest_cursor:
        raise BadCursor(f"A cursor in a header or an address has at most {longest_cursor} bytes.")
    cursor = _cursor(task, text)
    return LogRequest(
        task,
        form,
        cursor,
        BEGINNING if cursor.topic is None else cursor.topic,
        last if isinstance(last, int) else None,
        None if values["follow"] else _idle(values["idle"], form, idle),
    )


def accepted_form(accept: bytes) -> Form:
    """The form that a client takes by its header `Accept`."""
    # Who takes anything just as well names text as browsers' libraries do, and means no form.
    unmeant = "text/plain" if b"*/*" in accept else ""
    choices = [(weight, media == unmeant, place, media) for weight, place, media in accepted(accept, _MEDIA)]
    return FORMS[_MEDIA[min(choices)[3]] if choices else "bare"]


def _cursor(task: str, text: str) -> LogCursor:
    cursor = LogCursor.parse(text) if text not in {"", "beginning"} else LogCursor()
    if cursor.topic is not None and list(cursor.topic.topics) != [task]:
        raise BadCursor("The cursor is of another log.", hint="It has to be one that this log gave.")
    return cursor


def _idle(given: Value, form: Form, default: float) -> float:
    if given is None:
        return default
    assert isinstance(given, float | int)
    if form is FORMS["bare"] and given > LONGEST_BARE_IDLE:
        raise BadRequest(
            f"The parameter 'idle' is {given:g} s; here it has to be 1 to {LONGEST_BARE_IDLE:g}.",
            hint="Clients of this form give up after 50 s without a byte; ask for another form.",
        )
    return float(given)
