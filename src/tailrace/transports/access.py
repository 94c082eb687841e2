"""The gateway's door: headers of a request to a principal, sessions for pages, and the one `authorize`."""

from collections.abc import Mapping, Sequence

from tailrace.auth import (
    Action,
    Authorizer,
    DeclaredOwners,
    Identities,
    Owners,
    Principal,
    Sessions,
    require_own_page,
)
from tailrace.auth.sessions import clear_cookie, session_in, set_cookie
from tailrace.core.errors import NotFound, Unauthenticated
from tailrace.transports.gateway import Access
from tailrace.transports.gateway import Principal as AnyPrincipal

_READS = frozenset({"GET", "HEAD", "OPTIONS"})


class HeaderAccess(Access):
    """Identifies by Authorization, or by the cookie of a session; decides by grants and ownership."""

    def __init__(
        self,
        identities: Identities,
        authorizer: Authorizer,
        sessions: Sessions,
        owners: Owners | None = None,
    ) -> None:
        self._identities = identities
        self._authorizer = authorizer
        self._sessions = sessions
        self._owners = owners or DeclaredOwners()

    def identify(self, headers: Mapping[bytes, bytes], method: str) -> Principal:
        """Who sent these headers; a write without a token has to come from a page that may make it."""
        principal = self._identities.identify(
            _text(headers, b"authorization"),
            _text(headers, b"cookie"),
            host=_text(headers, b"host"),
            origin=_text(headers, b"origin"),
        )
        if method not in _READS:
            self._identities.check_write(principal, _text(headers, b"origin"), _text(headers, b"host"))
        return principal

    def authorize(self, principal: AnyPrincipal, action: str, topic: str | None) -> None:
        """Raise Forbidden unless a grant allows it."""
        assert isinstance(principal, Principal)
        self._authorizer.authorize(principal, Action(action), topic)

    async def authorize_log(self, principal: AnyPrincipal, task: str) -> bool:
        """Raise unless it may read a task's log; answers whether it may as the task's owner."""
        assert isinstance(principal, Principal)
        # Who owns it is asked last: a grant needs no answer, and whoever shows no token never owns.
        if self._authorizer.allows(principal, Action.READ, task):
            return False
        if principal.anonymous:
            raise Unauthenticated("A token is needed.", hint="Send the header Authorization: Bearer TOKEN.")
        owners = await self._owners.of(task, principal.name)
        if not self._authorizer.allows(principal, Action.READ, task, owners):
            raise no_such_log()
        return True

    async def owned(self, principal: AnyPrincipal, task: str) -> bool:
        """Whether a task is known to be somebody's; nobody is asked for who shows no token."""
        assert isinstance(principal, Principal)
        return not principal.anonymous and bool(await self._owners.of(task, principal.name))

    def grants(self, principal: AnyPrincipal) -> Sequence[tuple[Sequence[str], str]]:
        """What it holds: actions and topic pattern of each grant."""
        assert isinstance(principal, Principal)
        return [(sorted(grant.actions), grant.pattern) for grant in principal.grants]

    def log_in(self, token: str, headers: Mapping[bytes, bytes]) -> tuple[Principal, str]:
        """The token's principal, and the cookie of a new session.

        Raises:
            Forbidden: a page of another site asks; it could make a visitor act under its own name.
        """
        require_own_page(_text(headers, b"origin"), _text(headers, b"host"))
        principal = self._identities.by_token(token)
        secure = _text(headers, b"x-forwarded-proto") == "https"
        return principal, set_cookie(self._sessions.open(principal), secure=secure)

    def log_out(self, headers: Mapping[bytes, bytes]) -> str:
        """End the session, if there is one."""
        session = session_in(_text(headers, b"cookie"))
        if session:
            self._sessions.close(session)
        return clear_cookie()


def no_such_log() -> NotFound:
    """In the same words whether a task is another's or is not: nobody can probe ids."""
    return NotFound("You have no task with this id.")


def _text(headers: Mapping[bytes, bytes], name: bytes) -> str | None:
    value = headers.get(name)
    return None if value is None else value.decode("latin-1")
