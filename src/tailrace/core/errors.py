"""The one tree of errors; every way in and out translates from here.

TailraceError
├── BadRequest            400  the caller's words are wrong
│   ├── UnknownParameter  400
│   ├── BadCursor         400
│   └── BadRecord         400
├── Unauthenticated       401
├── Forbidden             403
├── NotFound              404
│   └── TopicNotFound     404
├── MethodNotAllowed      405
├── NotAcceptable         406
├── RequestTimeout        408
├── Conflict              409
│   └── TopicExists       409
├── TooLarge              413
├── UnsupportedMedia      415
├── HeadersTooLarge       431
├── Internal              500
├── Unavailable           503
│   ├── Overloaded        503
│   ├── BrokerUnavailable 503
│   ├── UnknownOutcome    503  it may have been stored
│   └── Stopping          503
└── ConfigurationError     —   a setting, option or file is wrong; nothing was started
"""

from enum import StrEnum
from typing import ClassVar


class Retry(StrEnum):
    """Whether the same request makes sense again."""

    NO = "no"
    SAME = "same"
    AFTER = "after"
    UNKNOWN_OUTCOME = "unknown_outcome"


class TailraceError(Exception):
    """Something that a person or a client has to be told: what, why, and what to do.

    Args:
        detail: what was tried and failed, one sentence.
        cause: why, where it is known.
        hint: what to do next.
        retry_after: seconds to wait before the next try.
    """

    code: ClassVar[str] = "error"
    title: ClassVar[str] = "Error"
    status: ClassVar[int] = 500
    retry: ClassVar[Retry] = Retry.NO
    exit_code: ClassVar[int] = 1

    def __init__(
        self, detail: str, *, cause: str = "", hint: str = "", retry_after: float | None = None
    ) -> None:
        super().__init__(detail)
        self.detail = detail
        self.cause = cause
        self.hint = hint
        self.retry_after = retry_after

    def __str__(self) -> str:
        """All of it, as a traceback shows it."""
        cause = self.cause and f"({self.cause.removesuffix('.')})"
        return " ".join(part for part in (self.detail, cause, self.hint) if part)

    def problem(self) -> dict[str, object]:
        """The RFC 9457 form; the same on every transport."""
        form: dict[str, object] = {
            "type": f"urn:tailrace:error:{self.code}",
            "title": self.title,
            "status": self.status,
            "detail": self.detail,
            "code": self.code,
            "cause": self.cause,
            "hint": self.hint,
            "retry": self.retry.value,
        }
        if self.retry_after is not None:
            form["retry_after"] = self.retry_after
        return form


class BadRequest(TailraceError):
    """The caller's words are wrong."""

    code, title, status, exit_code = "bad_request", "Bad request", 400, 2


class UnknownParameter(BadRequest):
    """A parameter that this route does not have."""

    code, title = "unknown_parameter", "Unknown parameter"


class BadCursor(BadRequest):
    """A cursor or a start that cannot be read."""

    code, title = "bad_cursor", "Bad cursor"


class BadRecord(BadRequest):
    """A record that cannot be stored as it was given."""

    code, title = "bad_record", "Bad record"


class Unauthenticated(TailraceError):
    """No identity, or one that is not known."""

    code, title, status, exit_code = "unauthenticated", "Who are you?", 401, 3


class Forbidden(TailraceError):
    """The principal holds no grant for this."""

    code, title, status, exit_code = "forbidden", "Not allowed", 403, 3


class NotFound(TailraceError):
    """There is no such thing."""

    code, title, status = "not_found", "Not found", 404


class TopicNotFound(NotFound):
    """There is no such topic."""

    code, title = "topic_not_found", "No such topic"


class MethodNotAllowed(TailraceError):
    """The path is known, the method is not one of its own."""

    code, title, status = "method_not_allowed", "Method not allowed", 405


class NotAcceptable(TailraceError):
    """None of the accepted media types can be given."""

    code, title, status = "not_acceptable", "Not acceptable", 406


class RequestTimeout(TailraceError):
    """The client did not finish its request in time."""

    code, title, status, retry = "request_timeout", "Request timed out", 408, Retry.SAME


class Conflict(TailraceError):
    """It cannot be done as things stand."""

    code, title, status = "conflict", "Conflict", 409


class TopicExists(Conflict):
    """A topic of that name is there already."""

    code, title = "topic_exists", "Topic exists"


class TooLarge(TailraceError):
    """Above a size limit."""

    code, title, status = "too_large", "Too large", 413


class UnsupportedMedia(TailraceError):
    """A media type that this route does not read."""

    code, title, status = "unsupported_media_type", "Unsupported media type", 415


class HeadersTooLarge(TailraceError):
    """A header block above its limits."""

    code, title, status = "headers_too_large", "Headers too large", 431


class Internal(TailraceError):
    """A fault of ours; the log has the trace."""

    code, title, status, retry = "internal", "Internal error", 500, Retry.SAME


class Unavailable(TailraceError):
    """Not now; later it may work."""

    code, title, status, retry, exit_code = "unavailable", "Unavailable", 503, Retry.AFTER, 4

    def __init__(
        self, detail: str, *, cause: str = "", hint: str = "", retry_after: float | None = 1
    ) -> None:
        super().__init__(detail, cause=cause, hint=hint, retry_after=retry_after)


class Overloaded(Unavailable):
    """A bound is reached; nothing was stored."""

    code, title = "overloaded", "Overloaded"


class BrokerUnavailable(Unavailable):
    """No broker answered; nothing was stored."""

    code, title = "broker_unavailable", "Broker unavailable"


class UnknownOutcome(Unavailable):
    """The broker did not answer in time: the record may have been stored or not."""

    code, title, retry = "unknown_outcome", "Unknown outcome", Retry.UNKNOWN_OUTCOME


class Stopping(Unavailable):
    """This process is going away."""

    code, title = "stopping", "Stopping"


class ConfigurationError(TailraceError):
    """A setting, an option or a file is wrong, so nothing was started."""

    code, title, exit_code = "configuration", "Wrong configuration", 2
