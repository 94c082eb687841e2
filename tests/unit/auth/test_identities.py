"""Identities: who sent which headers."""

import base64
import contextlib
import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tailrace.auth import Action, Identities, Sessions, declared, new_token, token_digest
from tailrace.core.errors import ConfigurationError, Forbidden, Unauthenticated
from tailrace.settings import GrantEntry, PrincipalEntry, Server, Settings, SocketIO

TOKEN = new_token()
READS = (GrantEntry(("read",), "orders"),)
ALICE = PrincipalEntry("alice", token_digest(TOKEN), READS)
ANYBODY = PrincipalEntry("anonymous", None, READS)


def identities(*entries: PrincipalEntry) -> Identities:
    """Identities of a settings file with these principals."""
    return Identities.from_settings(Settings(principals=entries), Sessions())


def basic(text: str) -> str:
    """The header that curl makes of -u."""
    return "Basic " + base64.b64encode(text.encode()).decode()


@pytest.mark.parametrize(
    "header",
    [
        f"Bearer {TOKEN}",
        f"bearer  {TOKEN} ",
        f"Basic {TOKEN}",
        basic(f"{TOKEN}:"),
        basic(f":{TOKEN}"),
        basic(f"alice:{TOKEN}"),
    ],
)
def test_a_token_is_known_in_every_form(header):
    """As existing clients and curl send it."""
    assert identities(ALICE).identify(header, None).name == "alice"


@pytest.mark.parametrize(
    "header",
    [
        "",
        "Bearer",
        "Bearer ",
        "Basic None",
        "Basic",
        f"Digest {TOKEN}",
        TOKEN,
        "Bearer tr_x",
        basic(":"),
        basic(f"bob:{TOKEN}"),
        basic(f"anonymous:{TOKEN}"),
        basic(""),
    ],
)
def test_an_unknown_token_is_refused_even_where_anonymous_may(header):
    """Who claims an identity never silently becomes nobody."""
    with pytest.raises(Unauthenticated):
        identities(ALICE, ANYBODY).identify(header, None)


@given(st.text())
def test_any_header_is_refused_or_known(header):
    """Nothing else comes out."""
    with pytest.raises(Unauthenticated):
        identities(ALICE, ANYBODY).identify(header, None)


def test_nothing_shown_is_anonymous_where_it_holds_grants():
    """Otherwise a token is needed."""
    assert identities(ANYBODY).identify(None, None).anonymous
    with pytest.raises(Unauthenticated):
        identities(ALICE).identify(None, None)
    with pytest.raises(Unauthenticated):
        identities(PrincipalEntry("anonymous")).identify(None, None)


def test_a_session_is_known_and_the_header_beats_it():
    """What a browser proves is marked, since any page can make it do so."""
    sessions = Sessions()
    found = Identities.from_settings(Settings(principals=(ALICE,)), sessions)
    cookie = f"tailrace_session={sessions.open(found.by_token(TOKEN))}"
    assert found.identify(None, cookie).by_cookie
    assert not found.identify(f"Bearer {TOKEN}", cookie).by_cookie
    with pytest.raises(Unauthenticated):
        found.identify("Bearer x", cookie)


def test_a_session_that_is_over_counts_as_none():
    """A page cannot drop the cookie itself."""
    assert identities(ANYBODY).identify(None, "tailrace_session=old").anonymous


def test_a_token_is_random_and_kept_as_a_hash():
    """32 random bytes behind tr_."""
    assert re.fullmatch(r"tr_[A-Za-z0-9_-]{43}", TOKEN)
    assert new_token() != TOKEN
    assert TOKEN not in repr(vars(identities(ALICE)))


@pytest.mark.parametrize(
    "entries",
    [
        [ALICE, ALICE],
        [ALICE, PrincipalEntry("bob", token_digest(TOKEN))],
        [PrincipalEntry("bob")],
        [PrincipalEntry("bob", "abc")],
        [PrincipalEntry("bob", TOKEN)],
        [PrincipalEntry("", token_digest("x"))],
        [PrincipalEntry("a\nb", token_digest("x"))],
        [PrincipalEntry("anonymous", token_digest("x"))],
        [PrincipalEntry("bob", token_digest("x"), (GrantEntry(("fly",), "a"),))],
    ],
)
def test_a_wrong_principal_is_refused(entries):
    """Nothing starts with half of its identities."""
    with pytest.raises(ConfigurationError):
        identities(*entries)


def test_a_hash_may_be_written_in_capitals():
    """As some tools print it."""
    capitals = PrincipalEntry("bob", token_digest(TOKEN).upper())
    assert identities(capitals).by_token(TOKEN).name == "bob"


@pytest.mark.parametrize(
    ("host", "origin", "welcome"),
    [
        ("127.0.0.1:8484", None, True),
        ("localhost:8484", "http://localhost:3000", True),
        ("[::1]:8484", None, True),
        (None, None, False),
        ("evil.example:8484", None, False),
        ("127.0.0.1:8484", "http://evil.example", False),
        ("127.0.0.1:8484", "null", False),
    ],
)
def test_open_is_for_this_machine_and_its_pages(host, origin, welcome):
    """They write too. A rebound name or a foreign page in the user's browser gets nothing, listed or not."""
    listed = Server(open=True, origins=("http://evil.example",))
    found = Identities.from_settings(Settings(server=listed), Sessions())
    if welcome:
        principal = found.identify(None, None, host=host, origin=origin)
        found.check_write(principal, origin, host)
        assert all(grant.pattern == "*" and grant.actions == set(Action) for grant in principal.grants)
    else:
        with pytest.raises(Unauthenticated):
            found.identify(None, None, host=host, origin=origin)


def test_open_keeps_the_named_principals():
    """A token that is known is its bearer, with that bearer's grants."""
    settings = Settings(server=Server(open=True), principals=(ALICE, ANYBODY))
    assert len(Identities.from_settings(settings, Sessions()).by_token(TOKEN).grants) == 1


def test_dev_gives_all_to_its_token_and_one_topic_to_visitors():
    """And pages without an origin only where that was typed."""
    found = Identities.for_dev(Settings(socketio=SocketIO(topic="chat")), Sessions(), "short")
    assert found.identify("Bearer short", None).grants[0].pattern == "*"
    visitor = found.identify(None, None, host="127.0.0.1")
    assert [(g.actions, g.pattern) for g in visitor.grants] == [({Action.READ, Action.WRITE}, "chat")]
    with pytest.raises(Unauthenticated):
        found.identify(None, None, host="127.0.0.1", origin="null")
    nulls = Settings(socketio=SocketIO(allow_null_origin=True))
    assert Identities.for_dev(nulls, Sessions(), "t").identify(None, None, host="localhost", origin="null")


def test_dev_has_the_principals_of_the_file_too():
    """Also once they were read anew; anonymous may do what the file and dev say."""
    settings = Settings(principals=(ALICE, ANYBODY), socketio=SocketIO(topic="chat"))
    found = Identities.for_dev(settings, Sessions(), "short")
    for _ in range(2):
        assert found.identify(f"Bearer {TOKEN}", None).name == "alice"
        assert found.identify("Bearer short", None).name == "dev"
        visitor = found.identify(None, None, host="localhost", origin="http://localhost")
        assert {grant.pattern for grant in visitor.grants} == {"chat", "orders"}
        found.replace(declared(settings.principals, open_=False))
    found.replace([])
    assert found.identify("Bearer short", None).name == "dev"


@pytest.mark.parametrize(
    ("listed", "origin", "written"),
    [
        ((), None, True),
        ((), "http://kafka.intranet:8484", True),
        ((), "https://evil.example", False),
        ((), "null", False),
        (("https://app.example",), "https://app.example", True),
        (("https://app.example",), "https://evil.example", False),
        (("*",), "https://any.example", True),
        (("*",), "null", False),
    ],
)
def test_pages_of_other_sites_do_not_write_as_anonymous(listed, origin, written):
    """A visitor's browser would carry them past any firewall."""
    settings = Settings(principals=(ALICE, ANYBODY), server=Server(origins=listed))
    found = Identities.from_settings(settings, Sessions())
    host = "kafka.intranet:8484"
    found.check_write(found.by_token(TOKEN), origin, host)
    nobody = found.identify(None, None, host=host, origin=origin)
    with contextlib.nullcontext() if written else pytest.raises(Forbidden):
        found.check_write(nobody, origin, host)
