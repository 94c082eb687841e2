"""Grants: which topics a pattern covers, which actions it permits."""

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tailrace.auth import Action, Authorizer, Grant, Principal
from tailrace.auth.grants import valid_pattern
from tailrace.core.errors import ConfigurationError, Forbidden

# Few letters, so that prefixes often meet.
names = st.text("ab.-_", min_size=1, max_size=5).filter(lambda name: name not in {".", ".."})
patterns = names | st.text("ab.-_", max_size=4).map(lambda prefix: prefix + "*")
grants = st.builds(Grant, st.frozensets(st.sampled_from(Action), min_size=1), patterns)


def naive(grant: Grant, action: Action, topic: str) -> bool:
    """The same by a regular expression and the list of what implies what."""
    expression = re.escape(grant.pattern).replace(r"\*", ".*")
    implied = set(grant.actions)
    if implied - {Action.CREATE}:
        implied.add(Action.DESCRIBE)
    return bool(re.fullmatch(expression, topic)) and action in implied


@given(st.lists(grants, max_size=4), st.sampled_from(Action), names)
def test_authorize_agrees_with_a_naive_model(held, action, topic):
    """Allowed exactly when one single grant has both the action and the topic."""
    principal = Principal("p", tuple(held))
    expected = any(naive(grant, action, topic) for grant in held)
    assert Authorizer().allows(principal, action, topic) is expected
    if expected:
        Authorizer().authorize(principal, action, topic)
    else:
        with pytest.raises(Forbidden):
            Authorizer().authorize(principal, action, topic)


@given(st.lists(grants, max_size=4), st.sampled_from(Action))
def test_all_topics_need_the_pattern_of_all(held, action):
    """No topic named means every topic, which a prefix never covers."""
    expected = any(grant.pattern == "*" and naive(grant, action, "x") for grant in held)
    assert Authorizer().allows(Principal("p", tuple(held)), action, None) is expected


@given(st.text(max_size=12))
def test_a_pattern_is_a_literal_or_a_prefix_with_one_star(text):
    """What is accepted has no star but the last character, and only letters of topic names."""
    if valid_pattern(text):
        assert re.fullmatch(r"[A-Za-z0-9._-]*\*?", text)
        assert text not in {"", ".", ".."}


@pytest.mark.parametrize("pattern", ["", "a*b", "**", "*a", "^a", "a b", "a\n", "ä", "x" * 250, ".", "a/*"])
def test_a_wrong_pattern_is_refused(pattern):
    """It would never cover what was meant."""
    with pytest.raises(ConfigurationError, match="no pattern"):
        Grant.parse(["read"], pattern)


@pytest.mark.parametrize("actions", [[], ["raed"], ["*"], ["READ"]])
def test_a_wrong_action_is_refused(actions):
    """The right ones are named."""
    with pytest.raises(ConfigurationError) as caught:
        Grant.parse(actions, "orders")
    assert "read, write, create" in caught.value.hint


def test_a_refusal_says_nothing_but_what_was_asked():
    """The same bytes for any topic of the same name, since existence is never asked."""
    principal = Principal("p", (Grant.parse(["read"], "a"),))
    with pytest.raises(Forbidden) as caught:
        Authorizer().authorize(principal, Action.READ, "b")
    assert caught.value.problem()["detail"] == "p may not read b."


def test_who_may_use_a_topic_may_describe_it():
    """Who may only create one may not."""
    principal = Principal("p", (Grant.parse(["read"], "a*"), Grant.parse(["create"], "c")))
    visible = [t for t in ("c", "ab", "b", "a") if Authorizer().allows(principal, Action.DESCRIBE, t)]
    assert visible == ["ab", "a"]
