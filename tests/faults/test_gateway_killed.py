"""kill -9 of the gateway, again and again: clients that resume by cursor lose and repeat nothing."""

import threading

import pytest
from tests.faults.conftest import wait_for

pytestmark = [pytest.mark.kafka, pytest.mark.faults, pytest.mark.timeout(240)]

PARTITIONS = 12


def test_kills_lose_and_repeat_nothing(long, gateway, make_topic, store, follow, say):
    """100,000 records on 12 partitions over NDJSON and SSE, six kills; fewer within the whole suite."""
    kills, count = (6, 100_000) if long else (2, 20_000)
    topic = make_topic(partitions=PARTITIONS)
    followers = [follow(f"topic={topic}", form) for form in ("ndjson", "sse", "ndjson", "sse")]
    feeding = threading.Thread(
        target=store, args=(topic, count, PARTITIONS), kwargs={"pause": kills * 1.5 / (count / 500)}
    )
    feeding.start()
    for _ in range(kills):
        had = [len(f.taken) for f in followers]
        wait_for(lambda had=had: all(len(f.taken) > n for f, n in zip(followers, had, strict=True)))
        gateway.kill()
        gateway.start()
    feeding.join()
    wait_for(
        lambda: all(len(f.taken) >= count for f in followers), what=lambda: f"the last record of {followers}"
    )
    expected = {(p, o) for p in range(PARTITIONS) for o in range(-(-(count - p) // PARTITIONS))}
    for follower in followers:
        places = [(p, o) for p, o, _ in follower.taken]
        wrong = [taken for taken in follower.taken if taken[2] != {"n": taken[1] * PARTITIONS + taken[0]}]
        assert len(places) == len(set(places)) == count
        assert set(places) == expected
        assert not wrong, (follower, len(wrong), wrong[:5], wrong[-5:])
        assert follower.disordered == 0
        assert not follower.gaps()
        assert follower.connects >= kills + 1
    dropped = [f.repeated for f in followers]
    say(
        f"{kills} of {kills} kills, {len(followers)} clients: {count:,} of {count:,} records each, 0 lost, "
        f"order kept; {dropped} came again and were dropped by position"
    )
