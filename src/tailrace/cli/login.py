"""`tailrace login`: who you are to a gateway, checked and saved."""

import sys

import click

from tailrace.cli.group import DONE
from tailrace.cli.logins import find_address, saved_logins
from tailrace.cli.options import Command
from tailrace.client.exchange import Address
from tailrace.client.logins import Login
from tailrace.client.sessions import who_am_i
from tailrace.core.errors import Unauthenticated


@click.command(cls=Command, example="tailrace login http://127.0.0.1:8484", name="login")
@click.argument("url", required=False)
@click.option(
    "--token",
    metavar="TOKEN",
    envvar="TAILRACE_TOKEN",
    help="The token (TAILRACE_TOKEN); asked for if left out.",
)
@click.option("--user", metavar="NAME", help="Log in with this name and a password, which is asked for.")
def command(url: str | None, token: str | None, user: str | None) -> int:
    """Log in to a gateway; later commands with its address show the same.

    The login is checked, and saved in your config folder so that only you can read it.
    """
    if user and token:
        raise click.UsageError("--user and --token exclude each other.")
    bare = find_address(url, None)
    secret = token or _ask(bare, user)
    address = bare.as_(user or "", secret)
    session = who_am_i(address)
    if session.name == "anonymous":
        raise Unauthenticated("No token was given.", hint="Type it, or name it with --token.")
    saved_logins().save(str(address), Login(session.name, secret, user or ""))
    click.echo(f"Login successful as {session.name}")
    return DONE


def _ask(address: Address, user: str | None) -> str:
    if not sys.stdin.isatty():
        return sys.stdin.readline().strip()
    what = f"Password of {user}" if user else "Token"
    answer: str = click.prompt(f"{what} at {address}", hide_input=True)
    return answer.strip()
