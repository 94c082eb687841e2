"""Topics that are made again under their old name."""

from tailrace.kafka import topic_tags
from tailrace.kafka.topic_tags import TopicTags, outdated


def test_a_client_that_knew_another_topic_of_the_name():
    """One that never met it, or met this one, may read it; so may all while nobody has said what it is."""
    known = {"orders": "old"}
    assert outdated(known, "orders", "new")
    assert not outdated(known, "orders", "old")
    assert not outdated(known, "orders", "")
    assert not outdated({}, "orders", "new")


def test_a_client_that_has_met_too_many_topics(monkeypatch):
    """It is replaced as well, so that what it remembers stays bounded."""
    monkeypatch.setattr(topic_tags, "MOST_KNOWN", 2)
    assert not outdated({"a": "1"}, "orders", "1")
    assert outdated({"a": "1", "b": "1"}, "orders", "1")


def test_what_was_said_last_counts(monkeypatch):
    """Of too many topics the oldest answer is forgotten."""
    monkeypatch.setattr(topic_tags, "MOST_TOPICS", 2)
    tags = TopicTags()
    for topic, tag in [("a", "1"), ("b", "1"), ("a", "2"), ("c", "1")]:
        tags.note(topic, tag)
    assert [tags.get(topic) for topic in "abc"] == ["2", "", "1"]
