"""From memory to disk, without waiting."""

import json
import os
import threading

from tailrace.shipping import intake as intakes
from tailrace.shipping.entries import Entry
from tailrace.shipping.intake import Intake
from tailrace.shipping.spool import Spool

SECONDS = 20


def put(intake, *texts):
    for text in texts:
        intake.put(Entry(1, json.dumps({"log": text}).encode()))


def logs(folder):
    reading = Spool(folder).read(100_000, 1 << 30)
    return [json.loads(value)["log"] for frame in reading.frames for value in frame.values]


def test_flushing_waits_for_the_disk(tmp_path):
    """And what was flushed survives a kill."""
    intake = Intake(Spool(tmp_path), print)
    put(intake, *"abc")
    assert intake.flush(SECONDS)
    assert logs(tmp_path) == list("abc")
    assert intake.close(SECONDS)


def test_a_disk_that_hangs_costs_lines_beyond_the_bound_and_no_time(tmp_path, monkeypatch):
    """They are told in the log where they are missing."""
    monkeypatch.setattr(intakes, "MOST_LINES", 5)
    free, write = threading.Event(), os.pwrite
    monkeypatch.setattr(os, "pwrite", lambda *words: free.wait(SECONDS) and write(*words))
    intake = Intake(Spool(tmp_path), print)
    put(intake, *map(str, range(100)))
    assert not intake.flush(0.01)
    lost = intake.missing
    assert lost >= 90
    free.set()
    assert intake.flush(SECONDS)
    put(intake, "after")
    assert intake.close(SECONDS)
    told = f"[tailrace: {lost} lines missing here: they came faster than the disk took them]\n"
    assert logs(tmp_path)[-2:] == [told, "after"]
    assert logs(tmp_path)[:-2] == [str(n) for n in range(100 - lost)]


def test_what_a_spool_has_no_room_for_is_said_once(tmp_path):
    """Though a thousand lines are dropped."""
    said = []
    intake = Intake(Spool(tmp_path, most_bytes=2_000), said.append)
    for number in range(1_000):
        put(intake, f"{number} {'x' * 100}")
        assert intake.flush(SECONDS)
    assert intake.close(SECONDS)
    assert len(said) == 1
    assert "no room" in said[0]
    assert len([text for text in logs(tmp_path) if "missing" not in text]) == 1_000 - intake.missing
