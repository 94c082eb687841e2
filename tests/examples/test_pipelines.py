"""The pipelines, and programs between files, topics and tables."""

import re
import sqlite3
from collections import defaultdict
from contextlib import closing

import pytest


@pytest.mark.kafka
def test_five_programs_with_three_workers_and_two_branches(tailrace, examples):
    """Every number comes out of both branches, squared by three workers, and in order for each key."""
    running = tailrace("run", "pipeline.yml", "--", "40", folder=examples / "graph")
    running.until(lambda _: len(running.printed_by("four")) + len(running.printed_by("five")) == 80)
    for program, side in (("four", "left"), ("five", "right")):
        numbers = [int(re.search(r"'number': (\d+)", line)[1]) for line in running.printed_by(program)]
        assert sorted(numbers) == list(range(40))
        keys = defaultdict(list)
        for number in numbers:
            keys[number % 4].append(number)
        assert all(key == sorted(key) for key in keys.values())
        last = f"{side} {{'number': 39, 'square': 1521, 'double': 3042}}"
        assert last in running.printed_by(program)
    assert running.interrupt() == 0, running.text


@pytest.mark.kafka
def test_a_branch_is_chosen_by_a_condition(tailrace, examples):
    """Each order takes the one way that its amount says."""
    running = tailrace("run", "pipeline.yml", folder=examples / "branch")
    running.until(lambda _: len(running.printed_by("ship")) == 3 and len(running.printed_by("review")) == 3)
    assert running.interrupt() == 0, running.text
    assert running.printed_by("ship") == ["Shipped order 0", "Shipped order 2", "Shipped order 5"]
    assert [line.split()[1] for line in running.printed_by("review")] == ["1", "3", "4"]


@pytest.mark.kafka
def test_a_model_names_flowers_in_two_workers(tailrace, copy):
    """What was learned once is used by both workers, and is right about nearly all flowers."""
    pytest.importorskip("sklearn")
    folder = copy("inference")
    trained = tailrace("run", "flowers:train", folder=folder)
    assert trained.ended() == 0, trained.text
    assert re.fullmatch(r"Right for 9\d% of 150 flowers", trained.printed[-1])
    running = tailrace("run", "pipeline.yml", folder=folder)
    running.until(lambda _: len(running.printed_by("show")) == 150)
    species = sorted(line.rpartition(" ")[2] for line in running.printed_by("show"))
    assert species.count("setosa") == 50
    assert 45 <= species.count("virginica") <= 55
    assert all(any(line.startswith(f"guess.{n} | Named") for line in running.lines) for n in (0, 1))
    assert running.interrupt() == 0, running.text


@pytest.mark.kafka
def test_a_csv_file_goes_through_a_topic_into_a_table(tailrace, copy):
    """Each row becomes a record and each record a row; records that come again change nothing."""
    load = tailrace("run", "load:rows", "--", "readings.csv", folder=copy("csv-to-topic"))
    assert load.ended() == 0, load.text
    folder = copy("topic-to-sqlite")
    for group in ("store", "store-again"):
        source = (folder / "store.py").read_text().replace('App("store")', f'App("{group}")')
        (folder / "store.py").write_text(source)
        store = tailrace("run", "store:app", folder=folder)
        store.until_printed("Stored 6")
        assert store.interrupt() == 0, store.text
    with closing(sqlite3.connect(folder / "readings.db")) as database:
        rows = database.execute("SELECT station, hour, celsius FROM readings ORDER BY offset").fetchall()
    assert rows[:2] == [("Oslo", 1, 4.5), ("Brest", 1, 11.0)]
    assert len(rows) == 6
