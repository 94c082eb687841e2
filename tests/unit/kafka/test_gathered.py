"""Questions about many things at once."""

import asyncio

import pytest

from tailrace.core.errors import BrokerUnavailable
from tailrace.kafka import gathered
from tailrace.kafka.gathered import GatheredCalls


class Oracle:
    """Answers with capitals once it is let; `no` has no answer, `bad` an error, and `away` fails them all."""

    def __init__(self):
        self.asked = []
        self.may = asyncio.Event()

    async def __call__(self, keys):
        self.asked.append(list(keys))
        await self.may.wait()
        if "away" in keys:
            raise BrokerUnavailable("No broker.")
        return {key: ValueError(key) if key == "bad" else key.upper() for key in keys if key != "no"}


@pytest.fixture
def oracle():
    """What is asked."""
    return Oracle()


def all_of(calls, *keys):
    """Ask for all of them at once."""
    return asyncio.gather(*map(calls, keys), return_exceptions=True)


async def begun(asking):
    """What asks has come to wait for its answer."""
    asking = asyncio.ensure_future(asking)
    for _ in range(20):
        await asyncio.sleep(0)
    return asking


async def test_what_is_asked_meanwhile_goes_into_one_question(oracle):
    """Each answer comes from a question that began after it was asked for."""
    calls = GatheredCalls(oracle, under_way=1, most=100)
    first = await begun(all_of(calls, "a"))
    then = await begun(all_of(calls, "b", "a", "c", "b"))
    assert oracle.asked == [["a"]]
    oracle.may.set()
    assert (await first, await then) == (["A"], ["B", "A", "C", "B"])
    assert oracle.asked == [["a"], ["b", "a", "c"]]


async def test_some_are_under_way_beside_each_other_and_none_is_about_too_many(oracle):
    """One that hangs does not keep all from asking."""
    calls = GatheredCalls(oracle, under_way=2, most=2)
    asking = await begun(all_of(calls, *"abcde"))
    assert oracle.asked == [["a", "b"], ["c", "d"]]
    oracle.may.set()
    assert await asking == list("ABCDE")
    assert oracle.asked[2:] == [["e"]]


async def test_a_fault_of_one_is_nobody_elses(oracle):
    """Who asked for what there is not hears of nothing."""
    oracle.may.set()
    good, bad, none = await all_of(GatheredCalls(oracle, under_way=1, most=10), "good", "bad", "no")
    assert (good, str(bad), none) == ("GOOD", "bad", None)


async def test_a_question_that_fails_is_heard_by_all_and_the_next_is_asked(oracle):
    """Nobody waits for ever."""
    calls = GatheredCalls(oracle, under_way=1, most=10)
    asking = await begun(all_of(calls, "away", "x"))
    later = await begun(all_of(calls, "y"))
    oracle.may.set()
    assert [type(answer) for answer in await asking] == [BrokerUnavailable, BrokerUnavailable]
    assert await later == ["Y"]


async def test_who_gives_up_takes_nobody_along(oracle):
    """The others hear their answer."""
    calls = GatheredCalls(oracle, under_way=1, most=10)
    gone, stays = await begun(calls("a")), await begun(calls("a"))
    gone.cancel()
    oracle.may.set()
    assert await stays == "A"


async def test_what_is_slow_holds_back_nobody_who_asks_later(oracle):
    """A broker that is silent is waited for by those who asked about its topics."""
    calls = GatheredCalls(oracle, under_way=1, most=1, slow_seconds=0)
    asking = await begun(all_of(calls, *"abc"))
    assert oracle.asked == [["a"], ["b"], ["c"]]
    oracle.may.set()
    assert await asking == list("ABC")


async def test_slow_ones_have_a_bound_and_then_the_others_are_asked(oracle, monkeypatch):
    """Thousands of questions to a silent broker would hold memory and threads."""
    monkeypatch.setattr(gathered, "MOST_UNDER_WAY", 2)
    calls = GatheredCalls(oracle, under_way=1, most=1, slow_seconds=0)
    asking = await begun(all_of(calls, *"abcd"))
    assert oracle.asked == [["a"], ["b"]]
    oracle.may.set()
    assert await asking == list("ABCD")


async def test_what_nobody_waits_for_any_more_is_not_asked(oracle):
    """Who gave up while others were under way leaves no work behind."""
    calls = GatheredCalls(oracle, under_way=1, most=1)
    first, gone, stays = [await begun(calls(key)) for key in ("a", "b", "c")]
    gone.cancel()
    oracle.may.set()
    assert (await first, await stays) == ("A", "C")
    assert oracle.asked == [["a"], ["c"]]
