"""Errors of the route of task logs in the form that clients of it have always read."""

from collections.abc import Mapping

import msgspec

from tailrace.core.errors import ConfigurationError, TailraceError, UnknownParameter
from tailrace.protocol.tasklog_forms import FORMS
from tailrace.settings import TaskLogs
from tailrace.transports.errors import problem_answer
from tailrace.transports.gateway import Answer
from tailrace.transports.tasklogs.request import accepted_form


class Refusals:
    """Makes answers of errors: `code`, `message`, and the same sentence as `data`.

    Args:
        settings: which codes, and whether they come with status 200.

    Raises:
        ConfigurationError: a code is none.
    """

    def __init__(self, settings: TaskLogs) -> None:
        self._codes = read_codes(settings.codes)
        self._as_200 = settings.http_200_errors

    def __call__(self, error: TailraceError, headers: Mapping[bytes, bytes]) -> Answer:
        """The answer to an error of a request with such headers."""
        whole = problem_answer(error)
        # These clients read one sentence; which names are known would be lost beside it.
        said = f"{error.detail} {error.hint}" if isinstance(error, UnknownParameter) else error.detail
        code = self._codes.get(error.code, self._codes.get(str(error.status), error.status))
        body = msgspec.json.encode({"code": code, "message": said, "data": said})
        # Who asks for another form is no old client.
        as_200 = self._as_200 and accepted_form(headers.get(b"accept", b"")) is FORMS["bare"]
        return Answer(body, 200 if as_200 else error.status, headers=whole.headers)


def read_codes(texts: tuple[str, ...]) -> Mapping[str, int]:
    """`404=1404` or `unauthenticated=1401` as a table.

    Raises:
        ConfigurationError: one of them is neither.
    """
    codes: dict[str, int] = {}
    for text in texts:
        name, equals, number = (part.strip() for part in text.partition("="))
        if not equals or not number.removeprefix("-").isdecimal():
            raise ConfigurationError(
                f"tasklogs.codes has {text[:80]!r}.", hint="It reads 404=1404, or an error's code=1404."
            )
        codes[name] = int(number)
    return codes
