"""`tailrace tail`: the last records, and those that follow."""

from collections.abc import Iterator
from dataclasses import replace

import click

from tailrace.cli import forms
from tailrace.cli.consume import make_form
from tailrace.cli.options import Command, Whole, target_options
from tailrace.cli.pump import Pump
from tailrace.cli.target import Target
from tailrace.core.cursors import Cursor
from tailrace.core.records import Record
from tailrace.core.scans import Batch, Missing, Progress, RecordBatch, Scan, ScanRequest, Waiting

# More than that is no look at the end any more, and it is sorted in memory.
MOST_RECORDS = 100_000


@click.command(cls=Command, example="tailrace tail weather -n 5 -f", name="tail")
@click.argument("topic")
@click.option(
    "-n",
    "--lines",
    "count",
    type=Whole(0, MOST_RECORDS),
    default=10,
    help="How many; 10 by default.",
)
@click.option("--follow", "-f", is_flag=True, help="Go on with new records until Ctrl-C.")
@click.option("--format", "format_", type=click.Choice(forms.NAMES), help="As for consume.")
@target_options
def command(
    target: Target,
    topic: str,
    count: int,
    follow: bool,  # noqa: FBT001  # click calls by name
    format_: str | None,
) -> int:
    """Show the last records of a topic over all its partitions, in the order of their timestamps."""
    last = ScanRequest((topic,), f"-{count}" if count else "end", "end")
    scan = _ThenFollow(target, last, follow=follow)
    return Pump(make_form(format_)).run(scan, endless=follow)


class _ThenFollow:
    """First the records up to the end, sorted over partitions; then, if wanted, what comes after them."""

    def __init__(self, target: Target, last: ScanRequest, *, follow: bool) -> None:
        self._target = target
        self._last = last
        self._follow = follow
        self._scan: Scan = target.scan(last)

    def cursor(self) -> Cursor:
        """Where to go on."""
        return self._scan.cursor()

    def progress(self) -> Progress:
        """How far it is."""
        return self._scan.progress()

    def events(self) -> Iterator[Batch | Missing | Waiting | None]:
        """The last records, then new ones."""
        records: list[Record] = []
        for event in self._scan.events():
            if event is None or isinstance(event, Missing | Waiting):
                yield event
            else:
                records += [record for chunk in event.chunks() for record in chunk.records()]
        if records:
            records.sort(key=lambda record: record.timestamp)
            yield RecordBatch(records)
        if self._follow:
            after = replace(self._last, start=str(self._scan.cursor()), stop=None)
            self._scan = self._target.scan(after)
            yield from self._scan.events()
