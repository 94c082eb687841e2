"""A gateway that would be open to the network does not start."""

from ipaddress import ip_address

from tailrace.auth.grants import ANONYMOUS
from tailrace.core.errors import ConfigurationError
from tailrace.settings import PrincipalEntry, Settings


def check_safe(settings: Settings) -> None:
    """Return when the gateway may start as it is set.

    Raises:
        ConfigurationError: nobody could use it, or anybody on the network could do everything.
    """
    host = settings.server.host
    if settings.server.open:
        if not _loopback_address(host):
            raise ConfigurationError(
                f"--open listens on this machine only, but the host is {host}.",
                hint="Leave out --host, or leave out --open and set up [[principals]].",
            )
        return
    # Whoever else is in the file is somebody; what an entry lacks is said where identities are made.
    if all(_is_nobody(entry) for entry in settings.principals):
        raise ConfigurationError(
            f"No identity is set up, so nobody could use the gateway on {host}.",
            cause="The principal anonymous has no grants." if settings.principals else "",
            hint="Add [[principals]] to tailrace.toml, or type --open to let everybody on this machine in.",
        )


def check_local(settings: Settings) -> None:
    """Return when the gateway of `tailrace dev` may start as it is set.

    Raises:
        ConfigurationError: other machines could claim to be this one, to which it is open without a token.
    """
    host = settings.server.host
    if not _loopback_address(host):
        raise ConfigurationError(
            f"`tailrace dev` listens on this machine only, but the host is {host}.",
            hint="Set server.host (TAILRACE_SERVER_HOST) to 127.0.0.1, or run `tailrace serve`.",
        )


def _is_nobody(entry: PrincipalEntry) -> bool:
    return entry.name == ANONYMOUS and not (entry.token_sha256 or entry.grants)


def _loopback_address(host: str) -> bool:
    if host == "localhost":
        return True
    try:
        return ip_address(host.strip("[]")).is_loopback
    except ValueError:
        return False
