"""Sessions: opened, found, over, bounded."""

import pytest

from tailrace.auth import Principal, Sessions
from tailrace.auth.sessions import clear_cookie, session_in, set_cookie

ALICE = Principal("alice")


class Clock:
    """A clock that stands until it is moved."""

    now = 0.0

    def __call__(self) -> float:
        return self.now


def test_a_session_is_found_until_closed():
    """Closing twice is no error."""
    sessions = Sessions()
    session = sessions.open(ALICE)
    assert sessions.find(session) == ALICE.through_cookie()
    sessions.close(session)
    sessions.close(session)
    assert sessions.find(session) is None


def test_a_session_ends_by_itself():
    """And leaves no memory behind."""
    clock = Clock()
    sessions = Sessions(clock, seconds=10)
    session = sessions.open(ALICE)
    clock.now = 9.9
    assert sessions.find(session)
    clock.now = 10
    assert sessions.find(session) is None
    assert len(sessions) == 0


def test_the_oldest_goes_at_the_bound():
    """Never more than the bound are open."""
    sessions = Sessions(most=3)
    opened = [sessions.open(ALICE) for _ in range(5)]
    assert [bool(sessions.find(session)) for session in opened] == [False, False, True, True, True]


def test_a_principal_pushes_out_its_own_sessions_only():
    """Whoever logs in over and over logs nobody else out."""
    sessions = Sessions(most=10, most_of_one=3)
    other = sessions.open(ALICE)
    own = [sessions.open(Principal("bob")) for _ in range(20)]
    assert sessions.find(other)
    assert [bool(sessions.find(session)) for session in own] == [False] * 17 + [True] * 3
    for session in own:
        sessions.close(session)
    assert len(sessions) == 1


def test_ids_are_long_differ_and_are_not_kept():
    """A dump of the memory opens nothing."""
    sessions = Sessions()
    opened = {sessions.open(ALICE) for _ in range(100)}
    assert len(opened) == 100
    assert all(len(session) == 43 and session not in repr(vars(sessions)) for session in opened)


@pytest.mark.parametrize(
    ("cookie", "session"),
    [
        (None, None),
        ("", None),
        ("tailrace_session=a", "a"),
        ("x=1; tailrace_session=a ;y=2", "a"),
        ("tailrace_session=", None),
        ("xtailrace_session=a", None),
        ("tailrace_session=a; tailrace_session=b", None),
    ],
)
def test_the_cookie_header_names_one_session(cookie, session):
    """Two are a neighbour's attempt to plant one."""
    assert session_in(cookie) == session


def test_the_cookie_is_for_this_server_alone():
    """No script reads it, no other site sends it."""
    for header in (set_cookie("s", secure=True), clear_cookie()):
        assert {"HttpOnly", "SameSite=Strict", "Path=/"} <= set(header.split("; "))
    assert set_cookie("s", secure=True).endswith("; Secure")
    assert "Secure" not in set_cookie("s", secure=False)
    assert session_in(set_cookie("s", secure=False).partition(";")[0]) == "s"
