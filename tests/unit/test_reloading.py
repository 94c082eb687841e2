"""Principals and owners, read again when the file changes."""

import asyncio
import contextlib
import logging

import pytest

from tailrace.core.errors import ConfigurationError
from tailrace.settings import load, load_people, reloading


@pytest.fixture
def file(tmp_path, monkeypatch):
    monkeypatch.setattr(reloading, "LOOK_SECONDS", 0.01)
    path = tmp_path / "tailrace.toml"
    path.write_text('[owners]\n"a" = "ann"\nplain.name = "bob"\n')
    return path


@contextlib.asynccontextmanager
async def following(file, take):
    task = asyncio.create_task(reloading.follow_people(file, take))
    try:
        yield
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)


async def until(condition):
    async with asyncio.timeout(5):
        while not condition():  # noqa: ASYNC110 - a file that changes tells nobody
            await asyncio.sleep(0.005)


def test_owners_are_names_by_task(file):
    """Whatever a name looks like."""
    assert load_people(file).owners == {"a": "ann", "plain.name": "bob"}
    assert load(config=file, environ={}).owners["a"] == "ann"


@pytest.mark.parametrize("text", ["owners = 1", "[owners]\na = 1", "[owners]\na = ['b']"])
def test_what_is_no_table_of_owners(file, text):
    """Is refused at the start."""
    file.write_text(text)
    with pytest.raises(ConfigurationError, match="owners"):
        load_people(file)


async def test_a_change_is_seen(file):
    """Whether it is written in place or another file takes its name."""
    seen = []
    async with following(file, seen.append):
        await until(lambda: seen)
        file.write_text('[owners]\nb = "bob"\n')
        await until(lambda: seen[-1].owners == {"b": "bob"})
        beside = file.with_name("other")
        beside.write_text('[owners]\nb = "ann"\n')
        beside.replace(file)
        await until(lambda: seen[-1].owners == {"b": "ann"})


async def test_what_is_wrong_is_told_and_left(file, caplog, monkeypatch):
    """The last good version stays in force; the next one counts again."""
    seen, looks, state = [], [], reloading._state
    monkeypatch.setattr(reloading, "_state", lambda path: looks.append(state(path)) or looks[-1])
    async with following(file, seen.append):
        await until(lambda: seen)
        with caplog.at_level(logging.ERROR, "tailrace.settings"):
            file.write_text("[owners\n")
            await until(lambda: caplog.records)
        assert len(caplog.records) == 1
        file.unlink()
        await until(lambda: looks[-2:] == [None, None])
        assert len(seen) == 1
        file.write_text('[owners]\nc = "ann"\n')
        await until(lambda: len(seen) == 2)


async def test_a_file_that_is_being_written_is_not_taken(file, monkeypatch):
    """A part of it may read well; it counts once it is the same at two looks."""
    states = iter([(1, 10, 1), (1, 20, 2), (1, 30, 3)])
    looks = []

    def state(path):
        looks.append(next(states, (1, 40, 4)))
        return looks[-1]

    monkeypatch.setattr(reloading, "_state", state)
    taken = []
    async with following(file, lambda people: taken.append((people, len(looks)))):
        await until(lambda: taken)
    # Four that differ, one that is the same, and one after it was read.
    assert taken[0][1] == 6


async def test_what_was_written_while_it_was_read(file, monkeypatch):
    """Is read again instead."""
    states = iter([(1, 10, 1), (1, 10, 1), (1, 20, 2)])
    monkeypatch.setattr(reloading, "_state", lambda path: next(states, (1, 30, 3)))
    taken, read = [], []
    monkeypatch.setattr(reloading, "load_people", lambda path: read.append(path) or load_people(path))
    async with following(file, taken.append):
        await until(lambda: taken)
    assert (len(read), len(taken)) == (2, 1)


async def test_a_file_too_deep_to_be_read(file, caplog):
    """Is told like any other that is wrong; the next one counts."""
    seen = []
    async with following(file, seen.append):
        await until(lambda: seen)
        file.write_text("a = " + "[" * 20_000)
        await until(lambda: caplog.records)
        file.write_text('[owners]\nc = "ann"\n')
        await until(lambda: len(seen) == 2)
