"""Ports of this machine: which are free, and which are taken."""

import errno
import random
import socket
from collections.abc import Collection
from typing import Final

from tailrace.broker.errors import EmbeddedKafkaError

BELOW_EPHEMERAL: Final = range(20_000, 32_000)
"""Ports that the system gives to no outgoing connection, so a free one stays free until Java binds it."""
TRIES: Final = 200


def bindable(host: str, port: int) -> OSError | None:
    """None if a server can listen there now, else why not."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    with socket.socket(family, socket.SOCK_STREAM) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)  # as Java does
        try:
            probe.bind((host, port))
            probe.listen(1)
        except OSError as error:
            return error
    return None


def free_port(host: str = "127.0.0.1", *, besides: Collection[int] = ()) -> int:
    """A port on which nobody listens; none of those that are promised to somebody who does not listen yet."""
    for port in random.SystemRandom().sample(BELOW_EPHEMERAL, TRIES):
        if port not in besides and bindable(host, port) is None:
            return port
    raise EmbeddedKafkaError("No free port was found.", cause=f"{TRIES} were tried.", hint="Name one.")


def require(host: str, port: int, option: str) -> None:
    """Refuse a port that cannot be had, and say by which option to choose another."""
    error = bindable(host, port)
    if error is None:
        return
    if error.errno == errno.EADDRINUSE:
        detail, cause = f"Port {port} is in use.", f"Another program listens on {host}:{port}."
    else:
        detail, cause = f"Port {port} on {host} cannot be opened.", str(error.strerror)
    raise EmbeddedKafkaError(
        detail, cause=cause, hint=f"End that program, or choose another port with {option}."
    )
