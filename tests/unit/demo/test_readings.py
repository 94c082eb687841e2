"""The demo's data as records."""

import json
from itertools import islice

import pytest

from tailrace.core.cursors import valid_topic_name
from tailrace.demo.readings import READINGS, TOPICS, endless


@pytest.mark.parametrize("topic", READINGS)
def test_every_record_is_a_json_object_with_a_key(topic):
    """Each record of each file has a text key that stands in its JSON value."""
    for record in READINGS[topic]():
        value = json.loads(record.value)
        assert record.key.decode() in value.values()


@pytest.mark.parametrize(
    ("topic", "records"), [("weather", 17_518), ("airports", 3_364), ("employment", 2_640)]
)
def test_every_row_becomes_a_record(topic, records):
    """No row and no hour of the files is left out, but the one that daylight saving time leaves out."""
    assert sum(1 for _ in READINGS[topic]()) == records


@pytest.mark.parametrize("topic", READINGS)
def test_the_records_start_again_after_the_last(topic):
    """The endless form goes round."""
    once = sum(1 for _ in READINGS[topic]())
    assert next(islice(endless(topic), once, None)) == next(READINGS[topic]())


def test_temperatures_are_those_of_the_file():
    """The first two readings are the two cities' first hour of 2010."""
    first, second = (json.loads(r.value) for r in islice(endless("weather"), 2))
    assert first == {"time": "2010-01-01T00:00", "city": "San Francisco", "temperature": 47.8, "unit": "F"}
    assert (second["city"], second["temperature"]) == ("Seattle", 39.4)


def test_the_topics_are_named_and_bounded():
    """Every fed topic is declared, with a name that Kafka takes and a bound on its size."""
    assert {t.name for t in TOPICS} == set(READINGS)
    assert all(valid_topic_name(t.name) and t.partitions > 1 for t in TOPICS)
    assert all("retention.bytes" in t.config or t.config["cleanup.policy"] == "compact" for t in TOPICS)


def test_the_data_files_stay_small(data_folder):
    """All data together is below 300 KB, and says where it comes from."""
    assert sum(f.stat().st_size for f in data_folder.iterdir()) < 300_000
    sources = (data_folder / "SOURCES.md").read_text()
    assert all(f"`{f.name}`" in sources for f in data_folder.glob("*.csv"))
