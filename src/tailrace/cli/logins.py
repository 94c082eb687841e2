"""Who one is to a gateway: the option --token, the environment, or the saved login of the address."""

import os
from collections.abc import Mapping

import click

from tailrace.cli.options import Decorated
from tailrace.client.exchange import Address
from tailrace.client.logins import Logins
from tailrace.settings import user_folder

DEFAULT_URL = "http://127.0.0.1:8484"


def saved_logins() -> Logins:
    """This user's."""
    return Logins(user_folder(os.environ))


def find_address(url: str | None, token: str | None, environ: Mapping[str, str] = os.environ) -> Address:
    """The gateway that is meant: the one named, else that of the latest login, else this machine's."""
    logins = saved_logins()
    place = url or environ.get("TAILRACE_URL") or logins.last() or DEFAULT_URL
    return known(Address.parse(place, token), logins)


def known(address: Address, logins: Logins) -> Address:
    """The address with the login that was saved for it, unless a token is given."""
    if address.token:
        return address
    login = logins.find(str(address))
    return address if login is None else address.as_(login.user, login.secret)


def gateway_options(command: Decorated) -> Decorated:
    """Let a command take --url and --token; it gets an `address`."""

    def with_address(url: str | None, token: str | None, **options: object) -> object:
        return command(address=find_address(url, token), **options)

    with_address.__name__, with_address.__doc__ = command.__name__, command.__doc__
    with_address.__click_params__ = getattr(command, "__click_params__", [])  # type: ignore[attr-defined]
    decorated: Decorated = with_address
    for option in reversed(_OPTIONS):
        decorated = option(decorated)
    return decorated


_OPTIONS = (
    click.option(
        "--url",
        metavar="URL",
        help=f"The gateway; TAILRACE_URL stands for it, else the latest login's, else {DEFAULT_URL}.",
    ),
    click.option(
        "--token",
        metavar="TOKEN",
        envvar="TAILRACE_TOKEN",
        help="Who you are (TAILRACE_TOKEN), if not saved.",
    ),
)
