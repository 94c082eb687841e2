"""`tailrace consume`: records from any place on, to a place or for ever."""

import sys

import click

from tailrace.cli import forms
from tailrace.cli.cursor_file import CursorFile
from tailrace.cli.options import Command, Whole, target_options
from tailrace.cli.pump import Pump
from tailrace.cli.target import Target
from tailrace.core.scans import ScanRequest
from tailrace.core.starts import parse_start


@click.command(
    cls=Command, example="tailrace consume weather --from -15m --format json | jq .value", name="consume"
)
@click.argument("topics", nargs=-1, required=True, metavar="TOPIC...")
@click.option(
    "--from",
    "start",
    metavar="PLACE",
    help="beginning (the default), end, -100 (the last 100), 2026-11-20T10:00Z, -15m, or a cursor.",
)
@click.option(
    "--to", "stop", metavar="PLACE", help="Where to end, in the same forms; `end` as of now by default."
)
@click.option("--follow", "-f", is_flag=True, help="Go on with new records until Ctrl-C.")
@click.option(
    "--format",
    "format_",
    type=click.Choice(forms.NAMES),
    help="table on a terminal, else json; raw is the value's bytes and a line feed, value one line for each.",
)
@click.option(
    "--filter",
    "filter_",
    metavar="EXPR",
    help='Only records that fulfil it: key == "a", headers["b"] == "c", or value.d.e == 5.',
)
@click.option("--max", "-n", "limit", type=Whole(1), metavar="N", help="End after so many records.")
@click.option(
    "--partition",
    "-p",
    "partitions",
    type=Whole(0),
    multiple=True,
    help="Only this one; may repeat.",
)
@click.option(
    "--save-cursor",
    "cursor_file",
    metavar="FILE",
    help="Keep the place to go on from, and start there next time, unless --from is given; "
    "- shows it on standard error.",
)
@target_options
def command(
    target: Target,
    topics: tuple[str, ...],
    start: str | None,
    stop: str | None,
    follow: bool,  # noqa: FBT001  # click calls by name
    format_: str | None,
    filter_: str | None,
    limit: int | None,
    partitions: tuple[int, ...],
    cursor_file: str | None,
) -> int:
    """Read the records of topics, each partition's in order, and write them to standard output.

    What a reader can no longer have (retention, a topic made again) is told on standard error.
    """
    if follow and stop:
        raise click.UsageError("--follow never ends, so --to has no meaning beside it.")
    for place in (start, stop):
        if place:
            parse_start(place, 0)  # a mistyped place is said before anybody is asked
    if filter_ is not None:
        from tailrace.protocol.filters import parse_filter  # noqa: PLC0415  # heavy: only where it is used

        parse_filter(filter_)  # likewise
    saved = CursorFile(cursor_file) if cursor_file else None
    kept = saved.load(topics) if saved else None
    request = ScanRequest(
        tuple(dict.fromkeys(topics)),
        start or kept or "beginning",
        None if follow else stop or "end",
        frozenset(partitions) or None,
        limit,
    )
    form = make_form(format_)
    return Pump(form, saved).run(target.scan(request, filter_), endless=follow)


def make_form(name: str | None) -> forms.Form:
    """The form asked for, or the one that suits the output."""
    terminal = sys.stdout.isatty()
    if name == "parquet" and terminal:
        raise click.UsageError("Parquet is not for a terminal: send it to a file with > FILE.")
    return forms.make_form(name or ("table" if terminal else "json"))
