"""`tailrace logs ship`: a worker's log file into its task's topic."""

import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING

import click

from tailrace.cli.interrupt import Interrupt
from tailrace.cli.options import Command, Whole, target_options
from tailrace.cli.output import note
from tailrace.cli.target import Target
from tailrace.core.errors import Forbidden, TailraceError, TopicNotFound, Unauthenticated, Unavailable
from tailrace.shipping.entries import counted

if TYPE_CHECKING:  # heavy, and imported when used
    from tailrace.shipping.file import FileIntake
    from tailrace.shipping.shipper import Shipper

# For what is under way when a signal comes.
STOP_SECONDS = 5.0
# For the sending thread; one that waits for a broker ends with the process.
THREAD_SECONDS = 1.0
LOOK_SECONDS = 0.2
# Waiting does not help against these.
_LASTING = (Forbidden, TopicNotFound, Unauthenticated)


@click.command(cls=Command, example="tailrace logs ship worker.log --task experiment-7 --follow", name="ship")
@click.argument("file", type=click.Path(path_type=Path))
@click.option("--task", metavar="ID", required=True, help="The task's id: the name of its topic.")
@click.option(
    "--follow", "-f", is_flag=True, help="Go on with new lines until Ctrl-C; the file may come later."
)
@click.option("--no-create", is_flag=True, help="Do not make the topic, which gets one partition if missing.")
@click.option("--spool", metavar="FOLDER", type=click.Path(path_type=Path), help="Where lines wait on disk.")
@click.option(
    "--spool-mb", type=Whole(4), default=256, help="What may wait on disk; beyond it lines stay in the file."
)
@click.option(
    "--wait",
    metavar="SECONDS",
    type=Whole(0),
    default=60,
    help="How long to try at the end of the file while nothing can be stored; 60 by default.",
)
@target_options
def command(
    target: Target,
    file: Path,
    task: str,
    follow: bool,  # noqa: FBT001  # click calls by name
    no_create: bool,  # noqa: FBT001  # likewise
    spool: Path | None,
    spool_mb: int,
    wait: int,
) -> int:
    """Store a file's lines in the topic of a task, each once, as {"log": "line\\n"}.

    It may grow, be rotated or truncated meanwhile, and hold any bytes. Lines wait on disk while the brokers
    are away; started again, the command goes on where it was.
    """
    from tailrace.shipping.file import FileIntake  # noqa: PLC0415  # heavy: not for --help
    from tailrace.shipping.folders import file_folder, spool_folder  # noqa: PLC0415  # likewise
    from tailrace.shipping.shipper import Shipper  # noqa: PLC0415  # likewise
    from tailrace.shipping.slots import hold  # noqa: PLC0415  # likewise
    from tailrace.shipping.spool import Spool  # noqa: PLC0415  # likewise

    if not follow:
        file.stat()  # that it is missing is said with its name
    way = target.way(task)
    folder = file_folder(spool / task if spool else spool_folder("files", task), file)
    slot = hold(folder, f"{file} is being shipped as {task} already.")
    with Interrupt() as interrupt:
        lines = Spool(folder, most_bytes=spool_mb << 20)
        shipper = Shipper(way, lines, note, slot=slot, create=not no_create)
        intake = FileIntake(file, lines, note, lambda: interrupt.seen)
        if follow:
            intake.follow()
        else:
            intake.run_to_end()
            _wait_for_end(shipper, interrupt, wait)
        return _end(shipper, intake, interrupt, follow=follow)


def _wait_for_end(shipper: "Shipper", interrupt: Interrupt, seconds: int) -> None:
    """Until all is stored, or nothing could be for so long."""
    waiting, deadline = shipper.waiting, time.monotonic() + seconds
    while waiting and not interrupt.seen and not isinstance(shipper.trouble, _LASTING):
        shipper.drain(LOOK_SECONDS)
        if shipper.waiting < waiting:
            deadline = time.monotonic() + seconds
        elif time.monotonic() > deadline:
            return
        waiting = shipper.waiting


def _end(shipper: "Shipper", intake: "FileIntake", interrupt: Interrupt, *, follow: bool) -> int:
    code = interrupt.exit_code(endless=follow)
    if interrupt.seen:
        shipper.drain(STOP_SECONDS)
    trouble, waiting = shipper.trouble, shipper.waiting
    shipper.close(THREAD_SECONDS)
    if waiting and not interrupt.seen:
        raise _not_stored(waiting, trouble)
    if waiting or interrupt.seen or sys.stderr.isatty():
        rest = f", {waiting:,} of them kept for the next start" if waiting else ""
        note(f"{counted(intake.lines)} taken{rest}")
    return code


def _not_stored(waiting: int, trouble: Exception | None) -> TailraceError:
    """What the brokers or the gateway said, or that they said nothing."""
    kept = "Start it again: the lines are kept, and sent then."
    if isinstance(trouble, TailraceError):
        cause = f"{trouble.detail} {trouble.cause}".strip()
        return type(trouble)(f"Not stored: {counted(waiting)}.", cause=cause, hint=kept)
    return Unavailable(f"Not stored: {counted(waiting)}.", cause="Nothing was confirmed in time.", hint=kept)
