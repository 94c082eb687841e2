"""The seam between a supervisor and its worker: a spec comes on one descriptor, the state goes to another."""

import argparse
import os
import signal
import sys
from collections.abc import Callable, Sequence

import msgspec

from tailrace.core.errors import ConfigurationError, TailraceError
from tailrace.runtime.spec import FAILED, WRONG_USAGE, Status, WorkerSpec, read_spec, status_line
from tailrace.telemetry.logs import configure_logs

Tell = Callable[[Status], None]


def serve_spec(
    parser: argparse.ArgumentParser,
    arguments: Sequence[str],
    run: Callable[[WorkerSpec, argparse.Namespace, Tell], int],
) -> int:
    """Run what the spec says, and say how it ended; answers the exit code."""
    parser.add_argument("--spec-fd", type=int, required=True)
    parser.add_argument("--status-fd", type=int, required=True)
    given = parser.parse_args(arguments)
    configure_logs("text")
    # What is started from here must not hold our end of it open.
    os.set_inheritable(given.status_fd, False)  # noqa: FBT003  # the library's own
    with os.fdopen(given.spec_fd, "rb") as stream:
        document = stream.read()

    def tell(status: Status) -> None:
        try:
            os.write(given.status_fd, status_line(status))
        except BrokenPipeError:
            # Whoever started us is gone: nobody would stop us.
            os.kill(os.getpid(), signal.SIGTERM)

    try:
        return run(read_spec(document), given, tell)
    except msgspec.DecodeError as error:
        return _failed(tell, ConfigurationError("The worker's spec cannot be read.", cause=str(error)))
    except TailraceError as error:
        return _failed(tell, error)


def _failed(tell: Tell, error: TailraceError) -> int:
    for line in filter(None, (error.detail, error.cause, error.hint)):
        sys.stderr.write(f"{line}\n")
    tell(Status("failed", error=str(error), hint=error.hint))
    return WRONG_USAGE if isinstance(error, ConfigurationError) else FAILED
