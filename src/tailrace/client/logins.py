"""Saved logins, one for each gateway's address, in a file of the user's that nobody else can read."""

import json
import os
import stat
from dataclasses import asdict, dataclass
from pathlib import Path

from tailrace.core.errors import ConfigurationError

FILE_NAME = "logins.json"
OWNER_ONLY = 0o600


@dataclass(frozen=True, slots=True)
class Login:
    """Who one is to a gateway; `user` is empty for a token alone."""

    name: str
    secret: str
    user: str = ""

    def __repr__(self) -> str:
        return f"Login(name={self.name!r})"


class Logins:
    """The saved logins of a user.

    Args:
        folder: where the user's own files of Tailrace lie.
    """

    def __init__(self, folder: Path) -> None:
        self._path = folder / FILE_NAME

    def find(self, url: str) -> Login | None:
        """The login for an address.

        Raises:
            ConfigurationError: the file is readable by others, or holds something else.
        """
        entry = self._load().get(url)
        return None if entry is None else Login(**entry)

    def last(self) -> str | None:
        """The address of the latest login."""
        return next(reversed(self._load()), None)

    def save(self, url: str, login: Login) -> None:
        """Keep a login; it is the latest one."""
        logins = self._load()
        logins.pop(url, None)
        self._store({**logins, url: asdict(login)})

    def forget(self, url: str) -> bool:
        """Drop a login; answers whether there was one."""
        logins = self._load()
        found = logins.pop(url, None) is not None
        if found:
            self._store(logins)
        return found

    def _load(self) -> dict[str, dict[str, str]]:
        try:
            with self._path.open(encoding="utf-8") as file:
                self._check(os.fstat(file.fileno()))
                logins: dict[str, dict[str, str]] = json.load(file)
        except FileNotFoundError:
            return {}
        except ValueError:
            raise ConfigurationError(
                f"The file {self._path} holds no logins.", hint="Remove it, and log in again."
            ) from None
        return logins

    def _check(self, found: os.stat_result) -> None:
        if os.name == "posix" and stat.S_IMODE(found.st_mode) & 0o077:
            raise ConfigurationError(
                f"Others can read the logins in {self._path}.", hint=f"chmod 600 {self._path}"
            )

    def _store(self, logins: dict[str, dict[str, str]]) -> None:
        self._path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        beside = self._path.with_name(f".{FILE_NAME}.{os.getpid()}")
        # Made for the owner alone: there is no moment at which another could open it.
        with os.fdopen(os.open(beside, os.O_WRONLY | os.O_CREAT | os.O_EXCL, OWNER_ONLY), "w") as file:
            json.dump(logins, file)
        beside.replace(self._path)
