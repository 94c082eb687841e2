"""`tailrace produce`: lines, JSON records or whole files into a topic."""

import shlex
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from itertools import takewhile
from pathlib import Path
from typing import BinaryIO, Generic, TypeVar

import click

from tailrace.cli.group import DONE, FAILED
from tailrace.cli.interrupt import Interrupt
from tailrace.cli.lines import blocks
from tailrace.cli.options import Command, target_options
from tailrace.cli.output import note
from tailrace.cli.progress import ProgressBar
from tailrace.cli.target import Target
from tailrace.core.errors import BadRecord, BadRequest, Forbidden, TailraceError, TooLarge, TopicNotFound
from tailrace.core.ports import NewRecord
from tailrace.core.records import Headers
from tailrace.core.scans import Load

# What brokers take is theirs to say; this only bounds one record in memory.
MOST_RECORD_BYTES = 64 << 20
# Refusals that are shown one by one; the rest is counted.
SHOWN_REFUSALS = 10

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Stamp:
    """What every record of a run carries."""

    key: bytes | None
    partition: int | None
    headers: Headers
    key_separator: bytes
    empty_is_null: bool

    @property
    def plain(self) -> bool:
        """Whether a line is a value and nothing else."""
        own = self.key is None and self.partition is None and not self.headers
        return own and not self.key_separator and not self.empty_is_null

    def line(self, line: bytes) -> NewRecord:
        """A line as a record."""
        key, value = self.key, line
        if self.key_separator:
            before, found, after = line.partition(self.key_separator)
            key, value = (before, after) if found else (self.key, line)
        null = self.empty_is_null and not value
        return NewRecord(None if null else value, key, self.partition, None, self.headers)

    def over(self, record: NewRecord) -> NewRecord:
        """A record that says more by itself; what was typed wins."""
        key = record.key if self.key is None else self.key
        partition = record.partition if self.partition is None else self.partition
        if partition == ANY_PARTITION:
            partition = None
        return NewRecord(record.value, key, partition, record.timestamp, (*record.headers, *self.headers))


ANY_PARTITION = -1


@click.command(
    cls=Command,
    example='echo \'{"city":"Seattle"}\' | tailrace produce demo --key seattle',
    name="produce",
)
@click.argument("topic")
@click.argument(
    "files", nargs=-1, type=click.Path(exists=True, dir_okay=False, allow_dash=True), metavar="[FILE]..."
)
@click.option(
    "--format",
    "format_",
    type=click.Choice(("value", "json", "raw")),
    default="value",
    help="value: each line is one (the default); json: each line is a record as consume writes it; "
    "raw: the whole of each input is one.",
)
@click.option("--key", "-k", metavar="TEXT", help="The key of every record.")
@click.option("--key-separator", "-K", metavar="TEXT", default="", help="A line is its key, this, its value.")
@click.option(
    "--partition", "-p", metavar="N", help="The partition; `any` lets the key choose, also for json."
)
@click.option("--header", "-H", "headers", metavar="NAME=VALUE", multiple=True, help="A header; may repeat.")
@click.option(
    "--empty-as-null", "-Z", is_flag=True, help="An empty value is null (deletes a key when compacted)."
)
@target_options
def command(
    target: Target,
    topic: str,
    files: tuple[str, ...],
    format_: str,
    key: str | None,
    key_separator: str,
    partition: str | None,
    headers: tuple[str, ...],
    empty_as_null: bool,  # noqa: FBT001  # click calls by name
) -> int:
    """Store lines from standard input or files in a topic that exists.

    `tailrace consume A --format json | tailrace produce B --format json` copies any bytes, keys, headers,
    nulls and timestamps, to the same partitions (`--partition any`: to those of the keys).
    """
    stamp = Stamp(
        None if key is None else key.encode(),
        _partition(partition, format_),
        tuple(map(_header, headers)),
        key_separator.encode(),
        empty_as_null,
    )
    try:
        if format_ == "value" and stamp.plain:
            return _Run(target.load_values(topic), _values).run(files)
        _check_partition(target, topic, stamp.partition)
        return _Run(target.load_records(topic), _READERS[format_](stamp)).run(files)
    except TopicNotFound:
        hint = f"Make it: tailrace topics create {shlex.quote(topic)}"
        raise TopicNotFound(f"There is no topic {topic!r}.", hint=hint) from None


def _check_partition(target: Target, topic: str, partition: int | None) -> None:
    """One that the topic does not have is said once, not for each record."""
    if partition is None or partition == ANY_PARTITION:
        return
    try:
        last = len(target.admin().describe(topic).partitions) - 1
    except Forbidden:
        return  # who may write but not describe learns it from each record
    if partition > last:
        raise BadRequest(
            f"The topic {topic!r} has no partition {partition}.", hint=f"Its partitions are 0 to {last}."
        )


def _values(source: BinaryIO) -> Iterator[Sequence[bytes]]:
    for block in blocks(source):
        lines = block.split(b"\n")
        lines.pop()
        yield lines


def _line_records(stamp: Stamp) -> "_Reader[NewRecord]":
    def read(source: BinaryIO) -> Iterator[Sequence[NewRecord]]:
        for lines in _values(source):
            yield list(map(stamp.line, lines))

    return read


def _json_records(stamp: Stamp) -> "_Reader[NewRecord]":
    from tailrace.protocol.produce import RecordParser  # noqa: PLC0415  # heavy: not for bare values

    parser = RecordParser(MOST_RECORD_BYTES)

    def read(source: BinaryIO) -> Iterator[Sequence[NewRecord]]:
        number = 0
        for block in blocks(source):
            parsed = parser.lines(block)
            # To go on behind a line that is no record would leave a hole: what stands before it is stored.
            records = [one for one in takewhile(_is_record, parsed) if isinstance(one, NewRecord)]
            number += len(records)
            yield records if stamp.plain else list(map(stamp.over, records))
            for error in parsed[len(records) :]:
                if isinstance(error, TailraceError):
                    raise _at_record(number + 1, error)

    return read


def _is_record(one: object) -> bool:
    return isinstance(one, NewRecord)


def _at_record(number: int, error: TailraceError) -> TailraceError:
    return type(error)(f"Record {number}: {error.detail}", cause=error.cause, hint=error.hint)


def _whole_records(stamp: Stamp) -> "_Reader[NewRecord]":
    def read(source: BinaryIO) -> Iterator[Sequence[NewRecord]]:
        yield [stamp.line(source.read())]

    return read


_Reader = Callable[[BinaryIO], Iterator[Sequence[T]]]
_READERS: dict[str, Callable[[Stamp], "_Reader[NewRecord]"]] = {
    "value": _line_records,
    "json": _json_records,
    "raw": _whole_records,
}


class _Run(Generic[T]):
    """Moves records from inputs into a load and tells what was refused."""

    def __init__(self, load: Load[T], read: "_Reader[T]") -> None:
        self._load = load
        self._read = read
        self._progress = ProgressBar()
        self._refused = 0

    def run(self, files: Sequence[str]) -> int:
        """Store everything; answers the exit code."""
        failure: TailraceError | None = None
        try:
            with Interrupt() as interrupt:
                try:
                    self._move(files or ("-",), interrupt)
                except (BadRecord, TooLarge) as error:
                    failure = error
                ended_by = interrupt.exit_code()
                stored = self._load.finish()
        finally:
            self._progress.finish()
            self._tell()
        if failure:
            failure.hint = f"{stored:,} records before it are stored. {failure.hint}".strip()
            raise failure
        if self._refused or ended_by or sys.stderr.isatty():
            note(f"{stored:,} stored, {self._refused:,} refused")
        return ended_by or (FAILED if self._refused else DONE)

    def _move(self, files: Sequence[str], interrupt: Interrupt) -> None:
        taken = done = 0
        size = _size(files)
        for name in files:
            with ExitStack() as stack:
                source = sys.stdin.buffer if name == "-" else stack.enter_context(Path(name).open("rb", 0))
                for records in self._read(source):
                    if records:
                        self._load.add(records)
                    else:
                        self._load.idle()
                    self._tell()
                    taken += len(records)
                    read = done + source.tell() if size else 0
                    # The number of records is not known, the part of the bytes that is read is.
                    self._progress.update(taken, taken * size // read if size and read else None)
                    if interrupt.seen:
                        return
                done += source.tell() if size else 0

    def _tell(self) -> None:
        for refused in self._load.refused():
            self._refused += 1
            if self._refused <= SHOWN_REFUSALS:
                self._progress.finish()
                why = f" ({refused.error.cause})" if refused.error.cause else ""
                note(f"record {refused.index + 1}: {refused.error.detail}{why}")


def _size(files: Sequence[str]) -> int | None:
    return None if "-" in files else sum(Path(name).stat().st_size for name in files)


def _header(given: str) -> tuple[str, bytes]:
    name, equals, value = given.partition("=")
    if not name or not equals:
        raise click.UsageError(f"--header takes NAME=VALUE, not {given!r}.")
    return name, value.encode()


def _partition(given: str | None, format_: str) -> int | None:
    if given is None:
        return None
    if given == "any":
        return ANY_PARTITION if format_ == "json" else None
    if not given.isdecimal():
        raise click.UsageError(f"--partition takes a number or any, not {given!r}.")
    return int(given)
