"""Problem-JSON back to the errors that it was made of."""

from collections.abc import Iterator, Mapping
from contextlib import suppress
from typing import NoReturn

import msgspec

from tailrace.client.responses import Head
from tailrace.core.errors import (
    BadRequest,
    Forbidden,
    Internal,
    NotFound,
    TailraceError,
    Unauthenticated,
    Unavailable,
)

# Where a proxy answers instead of a gateway, the status is all there is.
_BY_STATUS: Mapping[int, type[TailraceError]] = {
    401: Unauthenticated,
    403: Forbidden,
    404: NotFound,
    502: Unavailable,
    503: Unavailable,
    504: Unavailable,
}


class Problem(msgspec.Struct):
    """What of a problem an error is made of; other members are ignored."""

    detail: str = ""
    code: str = ""
    cause: str = ""
    hint: str = ""
    retry: str = "no"


def _below(error: type[TailraceError]) -> Iterator[type[TailraceError]]:
    yield error
    for narrower in error.__subclasses__():
        yield from _below(narrower)


# A class without a code of its own says no more to a client than the one above it.
_BY_CODE = {error.code: error for error in _below(TailraceError) if "code" in vars(error)}


def to_error(problem: Problem) -> TailraceError:
    """The error of that code; a code of a newer gateway is told by its words alone."""
    error = _BY_CODE.get(problem.code, TailraceError)
    return error(problem.detail or "The gateway refused it.", cause=problem.cause, hint=problem.hint)


class _Said(msgspec.Struct):
    """An error of the route of task logs, as far as it is read."""

    message: str


def raise_problem(head: Head, body: bytes, address: str) -> NoReturn:
    """Raise what an error response says."""
    media = head.headers.get("content-type", "")
    fallback = BadRequest if head.status < 500 else Internal
    error = _BY_STATUS.get(head.status, fallback)
    # Where neither can be read, the status says enough.
    with suppress(msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
        if media.startswith("application/problem+json"):
            raise to_error(msgspec.json.decode(body, type=Problem))
        if media.startswith("application/json"):
            said = msgspec.json.decode(body, type=_Said).message
            raise error(said, cause=f"{address} answered {head.status}.")
    raise error(f"{address} answered {head.status}.", hint="Check that this is the address of a gateway.")
