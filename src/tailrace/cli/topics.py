"""`tailrace topics`: list, create, describe, configure, grow, delete."""

import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager

import click

from tailrace.cli.options import Command, Whole, target_options
from tailrace.cli.output import note, show
from tailrace.cli.target import Target
from tailrace.core.errors import BadRequest, TopicExists, TopicNotFound
from tailrace.core.ports import NewTopic, TopicDetail

_COLUMNS = ("partition", "leader", "replicas", "in_sync_replicas", "earliest", "latest")


@click.group(name="topics")
def command() -> None:
    """List, create, describe, configure, grow and delete topics."""


@command.command(cls=Command, name="list", example="tailrace topics list")
@click.option("--internal", is_flag=True, help="Also those that Kafka and Tailrace keep for themselves.")
@target_options
def list_topics(target: Target, internal: bool) -> None:  # noqa: FBT001  # click calls by name
    """Show all topics."""
    rows = [row for row in target.topic_rows() if internal or not row.internal]
    columns = ("name", "partitions", "replicas", "records")
    show([{field: getattr(row, field) for field in (*columns, "internal")} for row in rows], columns)


@command.command(cls=Command, example="tailrace topics create orders -p 12 --set retention.ms=86400000")
@click.argument("name")
@click.option("--partitions", "-p", type=Whole(1), metavar="N", help="The broker's default if left out.")
@click.option("--replicas", "-r", type=Whole(1), metavar="N", help="The broker's default if left out.")
@click.option(
    "--set", "values", metavar="NAME=VALUE", multiple=True, help="A setting of the topic; may repeat."
)
@click.option("--if-missing", is_flag=True, help="Do nothing if the topic is there already.")
@target_options
def create(
    target: Target,
    name: str,
    partitions: int | None,
    replicas: int | None,
    values: tuple[str, ...],
    if_missing: bool,  # noqa: FBT001  # click calls by name
) -> None:
    """Make a topic; done when it can be used."""
    admin = target.admin()
    try:
        admin.create([NewTopic(name, partitions, replicas, dict(map(_pair, values)))])
    except TopicExists as error:
        if not if_missing:
            error.hint = "With --if-missing a topic that is there is left as it is."
            raise
    except BadRequest as error:
        if replicas and not error.hint:
            error.hint = "There cannot be more --replicas than brokers."
        raise
    _show(admin.describe(name))


@command.command(cls=Command, example="tailrace topics describe weather")
@click.argument("name")
@target_options
def describe(target: Target, name: str) -> None:
    """Show a topic's partitions and the settings that differ from the broker's defaults."""
    with _missing_explained():
        _show(target.admin().describe(name))


@command.command(cls=Command, example="tailrace topics configure orders --set cleanup.policy=compact")
@click.argument("name")
@click.option(
    "--set", "values", metavar="NAME=VALUE", multiple=True, help="A setting and its value; may repeat."
)
@click.option(
    "--reset", "names", metavar="NAME", multiple=True, help="Back to the broker's default; may repeat."
)
@target_options
def configure(target: Target, name: str, values: tuple[str, ...], names: tuple[str, ...]) -> None:
    """Set a topic's settings."""
    if not values and not names:
        raise click.UsageError("Nothing to change: give --set NAME=VALUE or --reset NAME.")
    admin = target.admin()
    with _missing_explained():
        admin.configure(name, {**dict(map(_pair, values)), **dict.fromkeys(names)})
    _show(admin.describe(name))


@command.command(cls=Command, example="tailrace topics grow orders --partitions 24")
@click.argument("name")
@click.option(
    "--partitions", "-p", type=Whole(1), metavar="N", required=True, help="How many there shall be."
)
@target_options
def grow(target: Target, name: str, partitions: int) -> None:
    """Raise the number of partitions; the same keys then go to other ones."""
    admin = target.admin()
    try:
        with _missing_explained():
            admin.grow(name, partitions)
    except BadRequest as error:
        if error.cause and not error.hint:
            error.hint = "Name more --partitions than it has; a topic cannot shrink."
        raise
    _show(admin.describe(name))


@command.command(cls=Command, example="tailrace topics delete orders --yes")
@click.argument("names", nargs=-1, required=True, metavar="NAME...")
@click.option("--yes", "-y", is_flag=True, help="Do not ask.")
@target_options
def delete(target: Target, names: tuple[str, ...], yes: bool) -> None:  # noqa: FBT001  # click calls by name
    """Delete topics with all their records."""
    if not yes:
        _ask(names)
    admin = target.admin()
    for name in names:
        with _missing_explained():
            admin.delete(name)
        note(f"deleted {name}")


@contextmanager
def _missing_explained() -> Iterator[None]:
    try:
        yield
    except TopicNotFound as error:
        error.hint = "`tailrace topics list` shows the topics that there are."
        raise


def _ask(names: Sequence[str]) -> None:
    if not sys.stdin.isatty():
        raise click.UsageError("Nobody can be asked here: give --yes to delete.")
    click.confirm(f"Delete {', '.join(names)} with all records?", abort=True, err=True)


def _show(detail: TopicDetail) -> None:
    partitions = [{column: _plain(getattr(one, column)) for column in _COLUMNS} for one in detail.partitions]
    if not sys.stdout.isatty():
        whole = {"name": detail.name, "internal": detail.internal, "partitions": partitions}
        show([{**whole, "config": dict(detail.config)}], ())
        return
    show(partitions, _COLUMNS)
    for name, value in sorted(detail.config.items()):
        sys.stdout.write(f"{name} = {value}\n")


def _plain(value: object) -> object:
    return value if value is None or isinstance(value, int) else list(value)  # type: ignore[call-overload]  # ids


def _pair(given: str) -> tuple[str, str]:
    name, equals, value = given.partition("=")
    if not name or not equals:
        raise click.UsageError(f"--set takes NAME=VALUE, not {given!r}.")
    return name, value
