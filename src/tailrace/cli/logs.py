"""`tailrace logs`: a task's log through a gateway."""

import sys

import click

from tailrace.cli.interrupt import Interrupt
from tailrace.cli.logins import gateway_options
from tailrace.cli.options import Command, Whole
from tailrace.cli.output import note
from tailrace.client.exchange import Address
from tailrace.client.task_log import LogRequest, LostLines, TaskLog
from tailrace.core.errors import NotFound, Unauthenticated
from tailrace.core.scans import Waiting

# What `--tail` alone stands for.
_FOLLOW = -1


@click.command(cls=Command, example="tailrace logs experiment-7 --tail 100 --follow", name="logs")
@click.argument("task")
@click.option("--follow", "-f", is_flag=True, help="Go on with new lines until Ctrl-C.")
@click.option(
    "--tail",
    "last",
    type=Whole(_FOLLOW),
    is_flag=False,
    flag_value=_FOLLOW,
    metavar="[N]",
    help="Only the last N lines; without a number it is --follow.",
)
@click.option("--verbose", "-v", is_flag=True, help="Show requests, without secrets, on standard error.")
@gateway_options
def command(
    address: Address,
    task: str,
    follow: bool,  # noqa: FBT001  # click calls by name
    last: int | None,
    verbose: bool,  # noqa: FBT001  # likewise
) -> int:
    """Show a task's log: the lines of its worker's file, then those of its topic.

    A connection that is cut is made anew, and goes on where it was.
    """
    follow = follow or last == _FOLLOW
    request = LogRequest(task, None if last == _FOLLOW else last, follow)
    note("loading log…")
    try:
        log = TaskLog(address, request, note if verbose else _nothing)
    except NotFound as error:
        error.detail = f"No logs for {task} yet."
        error.cause = f"{address} knows no such task of yours."
        error.hint = "Check the id, and who you are there: tailrace whoami"
        raise
    except Unauthenticated as error:
        error.detail, error.hint = f"{address} does not know you.", f"tailrace login {address}"
        raise
    return _show(log, task, follow=follow)


def _show(log: TaskLog, task: str, *, follow: bool) -> int:
    shown, said = False, ""
    with Interrupt() as interrupt:
        for event in log.events():
            if isinstance(event, Waiting):
                if event.reason != said:
                    note(f"waiting: {event.reason}")
                said = event.reason
            elif isinstance(event, LostLines):
                note(f"gap: lines of {event.where} may be missing here ({event.cause})")
            elif event is not None:
                shown, said = True, ""
                sys.stdout.buffer.write(b"\n".join(event) + b"\n")
                sys.stdout.buffer.flush()
            if interrupt.seen:
                break
    if not shown:
        note(f"No logs for {task} yet.")
    return interrupt.exit_code(endless=follow)


def _nothing(text: str) -> None:
    del text
