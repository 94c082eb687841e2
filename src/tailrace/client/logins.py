"""Saved logins, one for each gateway's address, in a file of the user's that nobody else can read."""

import os
import stat
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import msgspec

from tailrace.core.errors import ConfigurationError

FILE_NAME = "logins.json"
OWNER_ONLY = 0o600
POSIX = os.name == "posix"
LARGEST_FILE = 1 << 20
# Another command keeps the file for some milliseconds.
LOCK_SECONDS = 10.0
LOOK_SECONDS = 0.01


class Login(msgspec.Struct, frozen=True):
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
        return self._load().get(url)

    def last(self) -> str | None:
        """The address of the latest login."""
        return next(reversed(self._load()), None)

    def save(self, url: str, login: Login) -> None:
        """Keep a login; it is the latest one.

        Raises:
            ConfigurationError: the file cannot be written, or what is there holds something else.
        """
        with self._alone():
            logins = self._load()
            logins.pop(url, None)
            self._store({**logins, url: login})

    def forget(self, url: str) -> bool:
        """Drop a login; answers whether there was one.

        Raises:
            ConfigurationError: the file cannot be written, or holds something else.
        """
        if url not in self._load():
            return False
        with self._alone():
            logins = self._load()
            found = logins.pop(url, None) is not None
            self._store(logins)
        return found

    def _load(self) -> dict[str, Login]:
        try:
            return msgspec.json.decode(self._read(), type=dict[str, Login])
        except FileNotFoundError:
            return {}
        except OSError as error:
            raise self._unusable("read", error) from None
        except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
            raise self._no_logins() from None

    def _read(self) -> bytes:
        # Whatever lies there, opening it does not wait.
        with os.fdopen(os.open(self._path, os.O_RDONLY | (os.O_NONBLOCK if POSIX else 0)), "rb") as file:
            found = os.fstat(file.fileno())
            if not stat.S_ISREG(found.st_mode):
                raise self._no_logins()
            if POSIX and stat.S_IMODE(found.st_mode) & 0o077:
                raise ConfigurationError(
                    f"Others can read the logins in {self._path}.", hint=f"chmod 600 {self._path}"
                )
            return file.read(LARGEST_FILE)

    def _store(self, logins: dict[str, Login]) -> None:
        beside = self._path.with_name(f".{FILE_NAME}.new")
        # One that was left by a command that was killed.
        beside.unlink(missing_ok=True)
        # Made for the owner alone: there is no moment at which another could open it.
        with os.fdopen(os.open(beside, os.O_WRONLY | os.O_CREAT | os.O_EXCL, OWNER_ONLY), "wb") as file:
            file.write(msgspec.json.encode(logins))
        beside.replace(self._path)

    @contextmanager
    def _alone(self) -> Iterator[None]:
        """Keep other commands from changing the file meanwhile, since each writes the whole of it."""
        try:
            self._path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
            lock = os.open(self._path.with_name(f".{FILE_NAME}.lock"), os.O_RDWR | os.O_CREAT, OWNER_ONLY)
            try:
                if POSIX:
                    self._lock(lock)
                yield
            finally:
                os.close(lock)
        except OSError as error:
            raise self._unusable("written", error) from None

    def _lock(self, descriptor: int) -> None:
        # Not there on Windows, where two logins at the same moment may keep one.
        import fcntl  # noqa: PLC0415

        until = time.monotonic() + LOCK_SECONDS
        while True:
            try:
                return fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                if time.monotonic() > until:
                    raise
            time.sleep(LOOK_SECONDS)

    def _no_logins(self) -> ConfigurationError:
        return ConfigurationError(
            f"The file {self._path} holds no logins.", hint="Remove it, and log in again."
        )

    def _unusable(self, verb: str, error: OSError) -> ConfigurationError:
        return ConfigurationError(
            f"The file {self._path} cannot be {verb}.", cause=error.strerror or str(error)
        )
