"""`tailrace config`: the settings in force and where each comes from."""

from collections.abc import Mapping

import click

from tailrace.cli.options import Command
from tailrace.cli.output import show
from tailrace.core.secrets import REDACTED, is_secret


@click.command(cls=Command, example="tailrace config --config tailrace.toml", name="config")
@click.option("--config", metavar="FILE", help="The settings file.")
@click.option("--changed", is_flag=True, help="Only what differs from the defaults.")
def command(config: str | None, changed: bool) -> None:  # noqa: FBT001  # click calls by name
    """Show every setting, its value and its source; secrets are never shown."""
    from tailrace import settings  # noqa: PLC0415  # heavy: not for --help

    in_force = settings.load(config=config)
    rows = []
    for declared in settings.declarations():
        group, field = declared.name.split(".", 1)
        value = getattr(getattr(in_force, group), field)
        rows.append(_row(declared.name, value, in_force.sources))
    rows += [_row(f"kafka.{name}", value, in_force.sources) for name, value in in_force.kafka.client.items()]
    show([row for row in rows if not changed or row["source"] != "default"], ("name", "value", "source"))


def _row(name: str, value: object, sources: Mapping[str, str]) -> dict[str, object]:

    shown = REDACTED if is_secret(name) else _plain(value)
    return {"name": name, "value": shown, "source": sources.get(name, "default")}


def _plain(value: object) -> object:
    if isinstance(value, tuple | list):
        return list(value)
    return value if isinstance(value, str | int | float | None) else str(value)
