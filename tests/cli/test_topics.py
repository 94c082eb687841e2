import json
import uuid

import pytest

pytestmark = pytest.mark.kafka


def test_the_life_of_a_topic(run):
    """Create, describe, configure, grow, list, delete."""
    name = f"life-{uuid.uuid4().hex[:8]}"
    assert run("topics", "create", name, "-p", "2", "--set", "retention.ms=60000")[0] == 0
    assert (
        run("topics", "configure", name, "--set", "cleanup.policy=compact", "--reset", "retention.ms")[0] == 0
    )
    assert run("topics", "grow", name, "--partitions", "3")[0] == 0
    shown = json.loads(run("topics", "describe", name)[1])
    assert (shown["name"], len(shown["partitions"]), shown["config"]) == (
        name,
        3,
        {"cleanup.policy": "compact"},
    )
    assert name in run("topics", "list")[1].decode()
    assert run("topics", "delete", name, "--yes")[0] == 0
    assert run("topics", "describe", name)[0] == 1


def test_a_topic_that_is_there_is_no_failure_if_that_is_meant(run, topic):
    """--if-missing makes a script repeatable."""
    code, _, err = run("topics", "create", topic)
    assert (code, "--if-missing" in err) == (1, True)
    assert run("topics", "create", topic, "--if-missing")[0] == 0


def test_what_cannot_be_made_or_deleted_has_a_next_step(run):
    """The last line of what is said."""
    assert "topics list" in run("topics", "delete", "never-made", "--yes")[2]
    assert "--replicas" in run("topics", "create", "never-made", "--replicas", "9")[2]


def test_a_topic_that_is_not_there_has_a_next_step(run):
    """Whatever is to be done with it."""
    for words in (("describe",), ("grow", "-p", "3"), ("configure", "--set", "retention.ms=1")):
        code, _, err = run("topics", *words, "never-made")
        assert (code, "topics list" in err.splitlines()[-1]) == (1, True)


def test_a_topic_grows_to_more_than_it_has(run, topic):
    """The same number is no growth: the next step says what is."""
    code, _, err = run("topics", "grow", topic, "-p", "1")
    assert code == 2
    assert err.splitlines()[-1] == "Try:   Name more --partitions than it has; a topic cannot shrink."


def test_nothing_is_deleted_where_nobody_can_be_asked(run, topic):
    """A script has to say --yes."""
    assert run("topics", "delete", topic)[0] == 2
    assert run("topics", "describe", topic)[0] == 0
