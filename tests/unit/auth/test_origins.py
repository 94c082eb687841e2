"""Origins: which pages may use what a browser holds."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tailrace.auth import OriginRules, Principal, loopback_host, require_same_origin, same_origin
from tailrace.auth.origins import loopback_origin
from tailrace.core.errors import Forbidden


@pytest.mark.parametrize(
    ("origin", "host", "same"),
    [
        ("http://a.example:8484", "a.example:8484", True),
        ("https://a.example", "a.example", True),
        ("https://a.example", "a.example:443", True),
        ("http://A.example", "a.EXAMPLE", True),
        ("http://[::1]:8484", "[::1]:8484", True),
        ("http://a.example:8485", "a.example:8484", False),
        ("http://a.example.evil", "a.example", False),
        ("http://a.example@evil", "a.example", False),
        ("http://evil/a.example", "evil", False),
        ("null", "a.example", False),
        (None, "a.example", False),
        ("", "", False),
        ("http://a.example", None, False),
        ("http://a.example:x", "a.example", False),
        ("file://a.example", "a.example", False),
    ],
)
def test_same_origin(origin, host, same):
    """Name and port are the same, with the port that the scheme implies."""
    assert same_origin(origin, host) is same


@pytest.mark.parametrize(
    "host", ["localhost", "localhost:1", "127.0.0.1", "127.9.9.9:80", "[::1]", "a.localhost"]
)
def test_names_of_this_machine(host):
    """All of 127/8, ::1 and localhost."""
    assert loopback_host(host)
    assert loopback_origin(f"http://{host}")


@pytest.mark.parametrize(
    "host",
    [
        None,
        "",
        "a.example",
        "127.0.0.1.evil",
        "localhost.evil",
        "evil@127.0.0.1",
        "0.0.0.0",
        "10.0.0.1",
        "::1",
        "[::1",
    ],
)
def test_names_of_other_machines(host):
    """A rebound name leads here but does not name this machine."""
    assert not loopback_host(host)


@given(st.text(), st.text())
def test_any_text_is_judged(origin, host):
    """No text from a client ends in an error."""
    same_origin(origin, host)
    loopback_host(host)
    OriginRules(loopback=True).takes(origin, host)


@pytest.mark.parametrize(
    ("rules", "origin", "taken"),
    [
        (OriginRules(), None, True),
        (OriginRules(), "http://here:1", True),
        (OriginRules(), "http://other", False),
        (OriginRules(["http://other"]), "http://other", True),
        (OriginRules(["http://other"]), "http://other.evil", False),
        (OriginRules(["*"]), "http://any", True),
        (OriginRules(["*"]), "null", False),
        (OriginRules(["null"]), "null", False),
        (OriginRules(null=True), "null", True),
        (OriginRules(loopback=True), "http://127.0.0.1:3000", True),
        (OriginRules(loopback=True), "null", False),
    ],
)
def test_rules_take_what_they_name(rules, origin, taken):
    """Null only by its own switch, since every sandboxed frame sends it."""
    assert rules.takes(origin, "here:1") is taken


@pytest.mark.parametrize("origin", [None, "null", "http://evil.example"])
def test_a_write_by_cookie_needs_this_origin(origin):
    """A token is proof enough; a cookie is not."""
    alice = Principal("alice")
    require_same_origin(alice, origin, "here:1")
    require_same_origin(alice.through_cookie(), "http://here:1", "here:1")
    with pytest.raises(Forbidden):
        require_same_origin(alice.through_cookie(), origin, "here:1")
