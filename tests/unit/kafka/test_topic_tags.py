"""Topics that are made again under their old name."""

from tailrace.kafka import topic_tags
from tailrace.kafka.topic_tags import TopicTags, made_again


def test_a_client_that_knew_another_topic_of_the_name():
    """One that never met it, or met this one, may read it; so may all while nobody has said what it is."""
    known = {"orders": "old"}
    assert made_again(known, "orders", "new")
    assert not made_again(known, "orders", "old")
    assert not made_again(known, "orders", "")
    assert not made_again({}, "orders", "new")


def test_what_was_said_last_counts(monkeypatch):
    """Of too many topics the oldest answer is forgotten."""
    monkeypatch.setattr(topic_tags, "MOST_TOPICS", 2)
    tags = TopicTags()
    for topic, tag in [("a", "1"), ("b", "1"), ("a", "2"), ("c", "1")]:
        tags.note(topic, tag)
    assert [tags.get(topic) for topic in "abc"] == ["2", "", "1"]
