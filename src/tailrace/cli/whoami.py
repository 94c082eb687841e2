"""`tailrace whoami`: who you are to a gateway."""

import sys

import click

from tailrace.cli.group import DONE
from tailrace.cli.logins import find_address
from tailrace.cli.options import Command
from tailrace.cli.output import show
from tailrace.client.sessions import who_am_i


@click.command(cls=Command, example="tailrace whoami http://127.0.0.1:8484", name="whoami")
@click.argument("url", required=False)
@click.option(
    "--token", metavar="TOKEN", envvar="TAILRACE_TOKEN", help="Who you are (TAILRACE_TOKEN), if not saved."
)
def command(url: str | None, token: str | None) -> int:
    """Show who you are to a gateway, and what you are granted there."""
    address = find_address(url, token)
    session = who_am_i(address)
    if not sys.stdout.isatty():
        grants = [{"actions": grant.actions, "topic": grant.topic} for grant in session.grants]
        show([{"name": session.name, "url": str(address), "grants": grants}], ())
        return DONE
    click.echo(f"{session.name} at {address}")
    show(
        [{"topic": grant.topic, "actions": ", ".join(grant.actions)} for grant in session.grants],
        ("topic", "actions"),
    )
    return DONE
