"""Logs: one line an event, in JSON or for people; nothing in an event can break out of its line.

Write `logger.info("stream ended", extra={"fields": {"topic": topic, "seconds": 1.5}})`.
"""

import json
import logging
import sys
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import TextIO

from tailrace.telemetry.redaction import LONGEST_TEXT, mask, redact, redact_field


class JsonFormatter(logging.Formatter):
    """One JSON object a line, in ASCII, so that no terminal and no collector sees a control character."""

    def format(self, record: logging.LogRecord) -> str:
        """The line, without its end."""
        event: dict[str, object] = {
            "time": _time(record),
            "level": record.levelname.lower(),
            "event": redact(record.getMessage()),
            "logger": record.name,
        }
        for name, value in _fields(record):
            event.setdefault(name, value)
        if trace := _trace(self, record):
            event["trace"] = trace
        # DEL is all of ASCII's control characters that json.dumps lets through.
        return json.dumps(event).replace("\x7f", "\\u007f")


class TextFormatter(logging.Formatter):
    """One line for people, and under it a trace, indented so that it can't be taken for an event."""

    def format(self, record: logging.LogRecord) -> str:
        """The lines, without the last one's end."""
        fields = "".join(f" {name}={value}" for name, value in _fields(record))
        line = f"{_time(record)[11:]} {record.levelname.lower():7} {redact(record.getMessage())}{fields}"
        trace = _trace(self, record)
        return "\n  | ".join(map(_printable, [line, *trace.splitlines()]))


def configure_logs(form: str = "auto", level: str = "info", stream: TextIO | None = None) -> None:
    """Send all events of this process to one stream, standard error by default.

    `form` is json, text, or auto: text on a terminal, json elsewhere.
    """
    to = stream or sys.stderr
    text = form == "text" or (form == "auto" and to.isatty())
    handler = logging.StreamHandler(to)
    handler.setFormatter(TextFormatter() if text else JsonFormatter())
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel(level.upper())
    logging.captureWarnings(capture=True)
    # What the server says at start and stop is said better by who runs it.
    logging.getLogger("uvicorn").setLevel(logging.WARNING)


def _time(record: logging.LogRecord) -> str:
    moment = datetime.fromtimestamp(record.created, UTC)
    return moment.isoformat(timespec="milliseconds").replace("+00:00", "Z")


def _fields(record: logging.LogRecord) -> Iterator[tuple[str, object]]:
    for name, value in getattr(record, "fields", {}).items():
        yield str(name), redact_field(str(name), value)


def _trace(formatter: logging.Formatter, record: logging.LogRecord) -> str:
    # The end of a trace says what happened, so the cut is at its beginning.
    return mask(formatter.formatException(record.exc_info))[-LONGEST_TEXT:] if record.exc_info else ""


def _printable(text: str) -> str:
    if text.isprintable():
        return text
    return "".join(char if char.isprintable() else ascii(char)[1:-1] for char in text)
