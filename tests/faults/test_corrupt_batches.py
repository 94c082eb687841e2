"""What becomes of a reader that meets a batch whose bytes a disk has changed."""

import json
import random
import struct
import subprocess
import sys
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import NamedTuple

import pytest
from confluent_kafka import Producer

pytestmark = [pytest.mark.kafka, pytest.mark.faults, pytest.mark.timeout(280)]

# Behind a batch's length, epoch, magic and checksum: what the checksum covers.
COVERED = 21


class Shape(NamedTuple):
    """Three batches of so many records; of the middle one a byte is changed at a part of its length."""

    records: int
    value_bytes: int
    codec: str
    part: float
    mask: int


def shapes(count):
    """The same ones each time."""
    chance = random.Random(1)
    for _ in range(count):
        codec = chance.choice(["none", "none", "lz4"])
        yield Shape(
            chance.randint(1, 6), chance.randint(10, 60), codec, chance.random(), 1 << chance.randrange(8)
        )


def values(shape):
    return [b'{"n":%*d}' % (shape.value_bytes - 6, n) for n in range(3 * shape.records)]


def store(kafka, topic, shape):
    producer = Producer(
        {"bootstrap.servers": kafka.bootstrap_servers, "linger.ms": 50, "compression.type": shape.codec}
    )
    given = values(shape)
    for start in range(0, len(given), shape.records):
        for value in given[start : start + shape.records]:
            producer.produce(topic, value)
        assert producer.flush(10) == 0
    log = kafka.embedded.data_dir / "node-1" / "data" / f"{topic}-0" / f"{0:020}.log"
    data = log.read_bytes()
    start = 12 + struct.unpack_from(">i", data, 8)[0]
    length = 12 + struct.unpack_from(">i", data, start + 8)[0]
    at = start + COVERED + int(shape.part * (length - COVERED))
    with log.open("r+b") as file:
        file.seek(at)
        file.write(bytes([data[at] ^ shape.mask]))


def read(kafka, topic, check_crcs):
    command = [sys.executable, str(Path(__file__).with_name("reading.py"))]
    return subprocess.run(
        [*command, kafka.bootstrap_servers, topic, check_crcs], capture_output=True, timeout=60, check=False
    )


def fate(shape, done):
    """What the reader was told: an error, wrong records, nothing for ever, all; or whether it is dead."""
    if done.returncode:
        assert b"Assertion" in done.stderr, done.stderr
        return "killed"
    given, errors, at_end = json.loads(done.stdout)
    right = values(shape)
    if any(offset >= len(right) or bytes.fromhex(value) != right[offset] for offset, value in given):
        return "wrong records"
    if errors:
        return "told"
    if not at_end:
        return "stuck"
    return "all" if len(given) == len(right) else "missing"


def test_a_changed_byte_is_told_where_checksums_are_checked(kafka, make_topic, long, say):
    """And without checks it gives wrong records, or none for ever; librdkafka's fault kills in few shapes."""
    chosen = list(shapes(120 if long else 6))
    topics = [make_topic() for _ in chosen]
    for topic, shape in zip(topics, chosen, strict=True):
        store(kafka, topic, shape)
    found = {}
    with ThreadPoolExecutor(4) as threads:
        for checks in ("on", "off"):
            done = threads.map(lambda topic, checks=checks: read(kafka, topic, checks), topics)
            found[checks] = Counter(map(fate, chosen, done))
            say(f"check.crcs {checks}: {len(chosen)} corrupt batches: {dict(found[checks].most_common())}")
    assert set(found["on"]) <= {"told", "killed"}
    assert "killed" not in found["off"]
