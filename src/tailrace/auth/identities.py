"""Who is asking: identities from the settings, found by token, by session, or nobody."""

from collections.abc import Iterable

from tailrace.auth.grants import ANONYMOUS, EVERYTHING, Action, Grant, Principal
from tailrace.auth.origins import OriginRules, loopback_host, require_page, require_same_origin
from tailrace.auth.sessions import Sessions, session_in
from tailrace.auth.tokens import DIGEST, shown_in, token_digest
from tailrace.core.errors import ConfigurationError, Unauthenticated
from tailrace.settings import PrincipalEntry, Settings

_OWN_PAGES = OriginRules()
_LOCAL_PAGES = OriginRules(loopback=True)
_LOCAL_PAGES_AND_NULL = OriginRules(loopback=True, null=True)


class Identities:
    """All principals.

    Args:
        principals: each with the hash of its token; only anonymous has none.
        sessions: those of browsers.
        local: the origins from which anonymous may come, if it must be this machine.
        pages: the origins from which anonymous may write otherwise.
        always: principals who stand beside those of any file.
    """

    def __init__(
        self,
        principals: Iterable[tuple[Principal, str | None]],
        sessions: Sessions,
        local: OriginRules | None = None,
        pages: OriginRules = _OWN_PAGES,
        always: Iterable[tuple[Principal, str | None]] = (),
    ) -> None:
        self._always = tuple(always)
        self._known = _Known(_together(self._always, principals))
        self._sessions = sessions
        self._local = local
        self._pages = pages

    @classmethod
    def from_settings(cls, settings: Settings, sessions: Sessions) -> "Identities":
        """Those of the settings file; with `--open`, anonymous from this machine may do everything.

        Raises:
            ConfigurationError: a principal, its token's hash or a grant is wrong.
        """
        principals = declared(settings.principals, open_=settings.server.open)
        if not settings.server.open:
            pages = OriginRules(settings.server.origins, null=settings.socketio.allow_null_origin)
            return cls(principals, sessions, pages=pages)
        return cls(principals, sessions, _LOCAL_PAGES)

    @classmethod
    def for_dev(cls, settings: Settings, sessions: Sessions, token: str) -> "Identities":
        """Beside the file's, the token's bearer may do everything, and anonymous use the topic of `/kafka`.

        Raises:
            ConfigurationError: a principal of the file is wrong.
        """
        bearer = Principal("dev", (Grant(EVERYTHING, "*"),))
        topic = settings.socketio.topic
        visitor = Principal(ANONYMOUS, (Grant(frozenset({Action.READ, Action.WRITE}), topic),))
        local = _LOCAL_PAGES_AND_NULL if settings.socketio.allow_null_origin else _LOCAL_PAGES
        always = [(bearer, token_digest(token)), (visitor, None)]
        return cls(declared(settings.principals, open_=False), sessions, local, always=always)

    def replace(self, principals: Iterable[tuple[Principal, str | None]]) -> None:
        """Go by other principals from now on; sessions end whose token is not good any more.

        Raises:
            ConfigurationError: they can't be; nothing has changed then.
        """
        known = _Known(_together(self._always, principals))
        if not known.by_digest and not known.anonymous.grants:
            # As at the start: a file that was emptied would lock everybody out.
            raise ConfigurationError("No identity is set up.", hint="Add [[principals]] to tailrace.toml.")
        for name in self._known.tokens.keys() - known.tokens.keys():
            self._sessions.close_all(name)
        for name, digest in known.tokens.items():
            if self._known.tokens.get(name, digest) != digest:
                self._sessions.close_all(name)
        self._known = known

    def identify(
        self,
        authorization: str | None,
        cookie: str | None,
        *,
        host: str | None = None,
        origin: str | None = None,
    ) -> Principal:
        """Who sent these headers; a session that is over counts as none, since a page can't drop it itself.

        Raises:
            Unauthenticated: what was shown is not known, or nothing was shown and anonymous may do nothing.
        """
        if authorization is not None:
            shown = shown_in(authorization)
            return self.by_token(shown.token, shown.user)
        session = session_in(cookie)
        found = self._sessions.find(session) if session else None
        # Its grants are those of now, not those of when it logged in.
        principal = self._known.by_name.get(found.name) if found else None
        return principal.through_cookie() if principal else self._nobody(host, origin)

    def check_write(self, principal: Principal, origin: str | None, host: str | None) -> None:
        """Let a write go on unless another site's page may have made a browser send it.

        Raises:
            Forbidden: the write shows no token and does not come from a page that may write so.
        """
        if principal.by_cookie:
            require_same_origin(principal, origin, host)
        elif principal.anonymous and self._local is None:
            require_page(self._pages, origin, host)

    def by_token(self, token: str, user: str = "") -> Principal:
        """Whose token it is.

        Args:
            token: what was shown.
            user: who is said to show it, if anybody.

        Raises:
            Unauthenticated: nobody's, or another's.
        """
        # Looked up by its SHA-256: whoever measures the time learns about hashes that cannot be chosen.
        found = self._known.by_digest.get(token_digest(token))
        if not token:
            raise Unauthenticated(
                "The Authorization header shows no token.", hint="Write Authorization: Bearer TOKEN."
            )
        if found is None or user not in {"", found.name}:
            raise Unauthenticated("The token is not known here.", hint="Check that it is complete and valid.")
        return found

    def _nobody(self, host: str | None, origin: str | None) -> Principal:
        if not self._known.anonymous.grants:
            raise Unauthenticated("A token is needed.", hint="Send the header Authorization: Bearer TOKEN.")
        if self._local and not (loopback_host(host) and self._local.takes(origin, host)):
            raise Unauthenticated(
                "Without a token this is open only to this machine and its own pages.",
                hint="Use http://127.0.0.1, or send the header Authorization: Bearer TOKEN.",
            )
        return self._known.anonymous


class _Known:
    """All principals as of one version of the file.

    Raises:
        ConfigurationError: one stands twice, or has no token of its own.
    """

    def __init__(self, principals: Iterable[tuple[Principal, str | None]]) -> None:
        self.by_digest: dict[str, Principal] = {}
        self.by_name: dict[str, Principal] = {}
        self.tokens: dict[str, str | None] = {}
        self.anonymous = Principal(ANONYMOUS)
        for principal, digest in principals:
            if principal.name in self.by_name:
                raise ConfigurationError(f"The principal {principal.name!r} stands twice.")
            self.by_name[principal.name] = principal
            self.tokens[principal.name] = digest
            self._add(principal, digest)

    def _add(self, principal: Principal, digest: str | None) -> None:
        if principal.anonymous:
            if digest is not None:
                raise ConfigurationError("The principal anonymous cannot have a token.")
            self.anonymous = principal
        elif digest is None or not DIGEST.fullmatch(digest):
            raise ConfigurationError(
                f"The principal {principal.name!r} has no token_sha256 of 64 hexadecimal digits.",
                hint="It is the SHA-256 of its token: printf %s TOKEN | sha256sum",
            )
        elif digest in self.by_digest:
            raise ConfigurationError(f"The principal {principal.name!r} has the token of another one.")
        else:
            self.by_digest[digest] = principal


def _together(
    always: Iterable[tuple[Principal, str | None]], principals: Iterable[tuple[Principal, str | None]]
) -> list[tuple[Principal, str | None]]:
    """All of both; anonymous, who may be in both, may do what either says."""
    everyone = [*always, *principals]
    nobody = [one for one, _ in everyone if one.anonymous]
    if len(nobody) < 2 or not any(one.anonymous for one, _ in always):
        return everyone
    merged = Principal(ANONYMOUS, tuple(grant for one in nobody for grant in one.grants))
    return [*(each for each in everyone if not each[0].anonymous), (merged, None)]


def declared(entries: Iterable[PrincipalEntry], *, open_: bool) -> list[tuple[Principal, str | None]]:
    """The principals of the file; with `--open`, anonymous may do everything.

    Raises:
        ConfigurationError: a principal or a grant is wrong.
    """
    principals = [_principal(entry) for entry in entries]
    if not open_:
        return principals
    everyone = Principal(ANONYMOUS, (Grant(EVERYTHING, "*"),))
    return [*((one, digest) for one, digest in principals if not one.anonymous), (everyone, None)]


def _principal(entry: PrincipalEntry) -> tuple[Principal, str | None]:
    if not entry.name or not entry.name.isprintable() or len(entry.name) > 200:
        raise ConfigurationError("A principal's name is 1 to 200 printable characters.")
    grants = tuple(Grant.parse(grant.actions, grant.topic) for grant in entry.grants)
    digest = entry.token_sha256
    return Principal(entry.name, grants), digest.lower() if digest else digest
