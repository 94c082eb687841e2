"""What becomes of lines that brokers refuse, of a topic that goes, and of confirmations that were lost."""

import os
import shutil

import pytest
from confluent_kafka.admin import AdminClient
from tests.shipping.conftest import wait_for

from tailrace.core.scans import ScanRequest
from tailrace.kafka.settings import translate
from tailrace.shipping.broker_way import BrokerWay
from tailrace.shipping.entries import Entry
from tailrace.shipping.shipper import Shipper
from tailrace.shipping.slots import hold
from tailrace.shipping.spool import Spool

pytestmark = pytest.mark.kafka
SECONDS = 30


@pytest.fixture
def way(kafka, task):
    return BrokerWay(translate({"bootstrap_servers": kafka.bootstrap_servers}), task)


@pytest.fixture
def ship(way, tmp_path):
    """Send what a spool holds; what was said comes back."""
    made = []

    def start(folder="0", **options):
        told = []
        slot = hold(tmp_path / folder, "in use")
        spool = Spool(slot.folder)
        shipper = Shipper(way, spool, told.append, slot=slot, **options)
        made.append(shipper)
        return spool, shipper, told

    yield start
    for shipper in made:
        assert shipper.close(SECONDS)


def entries(*texts):
    return [Entry(1_700_000_000_000 + n, b'{"log":"%b"}' % text) for n, text in enumerate(texts)]


def logs(stored):
    return [record["log"] for record in stored()]


def test_a_line_that_brokers_refuse_for_good_does_not_hold_up_the_others(ship, make_topic, task, stored):
    """It is counted, said, and the log tells that it is missing."""
    make_topic(task, config={"max.message.bytes": "1000", "compression.type": "uncompressed"})
    spool, shipper, said = ship()
    spool.append(entries(b"one"))
    assert shipper.drain(SECONDS)
    spool.append(entries(b"two", b"x" * 10_000, b"three"))
    assert shipper.drain(SECONDS)
    told = "[tailrace: 1 line missing here: the brokers refused it]\n"
    # Lines that the client had on the way with it may stand before what tells of it.
    assert [text for text in logs(stored) if text != told] == ["one", "two", "three"]
    assert told in logs(stored)
    assert shipper.refused == 1
    assert "1 line refused" in said[0]


def test_a_topic_that_was_deleted_is_made_again(ship, kafka, task, stored):
    """What it held is gone; what comes later is stored."""
    spool, shipper, _ = ship()
    spool.append(entries(b"one"))
    assert shipper.drain(SECONDS)
    admin = AdminClient({"bootstrap.servers": kafka.bootstrap_servers})
    admin.delete_topics([task])[task].result(SECONDS)
    wait_for(lambda: not stored())
    spool.append(entries(b"two"))
    assert shipper.drain(SECONDS)
    assert wait_for(lambda: logs(stored)) == ["two"]


def test_lines_whose_confirmation_was_lost_are_not_sent_again(ship, tmp_path, stored):
    """As after a kill between the broker's answer and the note of it: the topic itself tells."""
    spool, shipper, _ = ship()
    spool.append(entries(b"one"))
    assert shipper.drain(SECONDS)
    spool.append(entries(b"two", b"three"))
    shutil.copytree(tmp_path / "0", tmp_path / "1", ignore=lambda *_: ["lock"])
    assert shipper.drain(SECONDS)
    again, second, _ = ship("1")
    again.append(entries(b"four"))
    assert second.drain(SECONDS)
    assert logs(stored) == ["one", "two", "three", "four"]


def test_new_lines_are_stored_though_a_power_cut_took_the_spool_s_place(ship, tmp_path, stored):
    """Their numbers come again, and the topic is looked at: they are not taken for those it has."""
    spool, shipper, _ = ship()
    spool.append(entries(b"one", b"two"))
    assert shipper.drain(SECONDS)
    assert shipper.close(SECONDS)
    for file in (tmp_path / "0" / "sent", *(tmp_path / "0").glob("*.lines")):
        os.truncate(file, 0)
    lines = Spool(tmp_path / "0")
    lines.append(entries(b"three", b"four"))
    lines.close()
    _, again, _ = ship()
    assert again.drain(SECONDS)
    assert logs(stored) == ["one", "two", "three", "four"]


def test_lines_that_the_spool_s_disk_lost_are_said_and_stand_in_the_log(ship, tmp_path, stored):
    """With their number, at their place."""
    lines = Spool(tmp_path / "0")
    for text in (b"one", b"two", b"three"):
        lines.append(entries(text))
    lines.close()
    (file,) = (tmp_path / "0").glob("*.lines")
    file.write_bytes(file.read_bytes().replace(b"two", b"twx"))
    _, shipper, said = ship()
    assert shipper.drain(SECONDS)
    assert logs(stored) == [
        "one",
        "[tailrace: 1 line missing here: the disk of the spool lost them]\n",
        "three",
    ]
    assert shipper.lost == 1
    assert "1 line in" in said[0]


def test_a_topic_is_not_made_against_ones_will(ship, stored):
    """The lines wait, and the reason is known."""
    spool, shipper, _ = ship(create=False)
    spool.append(entries(b"one"))
    wait_for(lambda: shipper.trouble)
    assert "There is no topic" in str(shipper.trouble)
    assert (shipper.waiting, stored()) == (1, [])


def test_a_record_has_the_time_of_its_line(ship, kafka, task, way):
    """Not that of its sending, which may be hours later."""
    spool, shipper, _ = ship()
    spool.append(entries(b"one"))
    assert shipper.drain(SECONDS)
    events = [event for event in way.scan(ScanRequest((task,))).events() if event is not None]
    (record,) = [record for event in events for chunk in event.chunks() for record in chunk.records()]
    assert record.timestamp == 1_700_000_000_000
