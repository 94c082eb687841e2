"""Records into a table of SQLite, each once."""

import sqlite3
from dataclasses import dataclass
from pathlib import Path

from tailrace import App, Record

FILE = Path("readings.db")

app = App("store")


@dataclass
class Reading:
    """What a station measured."""

    station: str
    hour: int
    celsius: float


@app.on_start
def make_table() -> None:
    """A record's place is its key in the table: one that comes again changes nothing."""
    with sqlite3.connect(FILE) as database:
        database.execute(
            "CREATE TABLE IF NOT EXISTS readings (partition INTEGER, offset INTEGER, station TEXT,"
            " hour INTEGER, celsius REAL, PRIMARY KEY (partition, offset))"
        )


@app.on("readings", start="earliest", batch=500, coerce=True)
def insert(readings: list[Reading], records: list[Record]) -> None:
    """Store up to 500 at a time; they are committed in Kafka after they are in the table."""
    rows = [
        (record.partition, record.offset, reading.station, reading.hour, reading.celsius)
        for reading, record in zip(readings, records, strict=True)
    ]
    with sqlite3.connect(FILE) as database:
        database.executemany("INSERT OR IGNORE INTO readings VALUES (?, ?, ?, ?, ?)", rows)
    print(f"Stored {len(rows)}")
