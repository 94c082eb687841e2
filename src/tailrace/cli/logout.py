"""`tailrace logout`: forgets a saved login."""

import click

from tailrace.cli.group import DONE
from tailrace.cli.logins import find_address, saved_logins
from tailrace.cli.options import Command


@click.command(cls=Command, example="tailrace logout http://127.0.0.1:8484", name="logout")
@click.argument("url", required=False)
def command(url: str | None) -> int:
    """Forget the login of a gateway; the latest one's without an address."""
    address = find_address(url, None)
    gone = saved_logins().forget(str(address))
    click.echo(f"Logged out of {address}" if gone else f"There was no login for {address}")
    return DONE
