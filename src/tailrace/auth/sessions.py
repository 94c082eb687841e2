"""Browser sessions: an opaque cookie stands for a principal, in the memory of this process only."""

import hashlib
import secrets
from collections import OrderedDict
from collections.abc import Callable
from time import monotonic

from tailrace.auth.grants import Principal

COOKIE = "tailrace_session"
SESSION_SECONDS = 12 * 3600  # a working day; then the token has to be shown again
MAX_SESSIONS = 10_000  # 1 KB each at most; the oldest goes first
# Of one principal, whose own oldest goes first: a token of little worth must not log others out. A team may
# share one.
MAX_SESSIONS_OF_ONE = 100


class Sessions:
    """Opens, finds and closes sessions. Ids are kept as hashes, so a memory dump opens nothing."""

    def __init__(
        self,
        clock: Callable[[], float] = monotonic,
        *,
        seconds: float = SESSION_SECONDS,
        most: int = MAX_SESSIONS,
        most_of_one: int = MAX_SESSIONS_OF_ONE,
    ) -> None:
        self._clock = clock
        self._seconds = seconds
        self._most = most
        self._most_of_one = most_of_one
        # In order of expiry, since all live equally long.
        self._open: OrderedDict[bytes, tuple[float, Principal]] = OrderedDict()
        self._of: dict[str, OrderedDict[bytes, None]] = {}

    def __len__(self) -> int:
        return len(self._open)

    def open(self, principal: Principal) -> str:
        """A new session's id, to be given to the browser alone."""
        self._drop_expired()
        own = self._of.get(principal.name) or OrderedDict()
        if len(own) >= self._most_of_one:
            self._drop(next(iter(own)))
        elif len(self._open) >= self._most:
            self._drop(next(iter(self._open)))
        session = secrets.token_urlsafe(32)
        key = _hashed(session)
        self._open[key] = (self._clock() + self._seconds, principal.through_cookie())
        self._of.setdefault(principal.name, OrderedDict())[key] = None
        return session

    def find(self, session: str) -> Principal | None:
        """Whose session this is, unless it is unknown or over."""
        self._drop_expired()
        found = self._open.get(_hashed(session))
        return found[1] if found else None

    def close(self, session: str) -> None:
        """End a session, if it is there."""
        key = _hashed(session)
        if key in self._open:
            self._drop(key)

    def close_all(self, name: str) -> None:
        """End all sessions of a principal."""
        for key in list(self._of.get(name, ())):
            self._drop(key)

    def _drop_expired(self) -> None:
        now = self._clock()
        while self._open and next(iter(self._open.values()))[0] <= now:
            self._drop(next(iter(self._open)))

    def _drop(self, key: bytes) -> None:
        name = self._open.pop(key)[1].name
        own = self._of[name]
        del own[key]
        if not own:
            del self._of[name]


def _hashed(session: str) -> bytes:
    return hashlib.sha256(session.encode("utf-8", "surrogatepass")).digest()


def session_in(cookie: str | None) -> str | None:
    """The session's id in a Cookie header, unless it is missing or stands there more than once.

    Twice means that a neighbouring site planted one; neither can be trusted then.
    """
    parts = [part.partition("=") for part in (cookie or "").split(";")]
    ids = [value.strip() for name, _, value in parts if name.strip() == COOKIE]
    return ids[0] or None if len(ids) == 1 else None


def set_cookie(session: str, *, secure: bool) -> str:
    """The Set-Cookie header that hands a session to the browser; `secure` behind TLS."""
    end = f"; Max-Age={SESSION_SECONDS}; Path=/; HttpOnly; SameSite=Strict"
    return f"{COOKIE}={session}{end}{'; Secure' if secure else ''}"


def clear_cookie() -> str:
    """The Set-Cookie header that takes it back."""
    return f"{COOKIE}=; Max-Age=0; Path=/; HttpOnly; SameSite=Strict"
