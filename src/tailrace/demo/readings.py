"""The demo's data files as records; where they come from stands in `data/SOURCES.md`."""

import csv
import json
from collections.abc import Callable, Iterator, Mapping
from importlib.resources import files
from typing import Final

from tailrace.core.ports import NewRecord, NewTopic

# A day of all topics is about 1 GB; a demo left running must not fill a disk.
_BOUNDED: Final = {"retention.bytes": str(32 << 20), "segment.bytes": str(8 << 20)}

TOPICS: Final = (
    NewTopic("weather", partitions=3, config=_BOUNDED),
    NewTopic("airports", partitions=4, config={"cleanup.policy": "compact", "segment.bytes": str(8 << 20)}),
    NewTopic("employment", partitions=2, config=_BOUNDED),
)


def weather() -> Iterator[NewRecord]:
    """Hourly temperatures of two cities, keyed by city."""
    for row in _rows("weather.csv"):
        day = row.pop("day")
        hours = {city: cell.split() for city, cell in row.items()}
        for hour in range(24):
            for city, temperatures in hours.items():
                if temperatures[hour] != "-":
                    yield _record(
                        city,
                        {
                            "time": f"{day}T{hour:02}:00",
                            "city": city,
                            "temperature": float(temperatures[hour]),
                            "unit": "F",
                        },
                    )


def airports() -> Iterator[NewRecord]:
    """Airports of the United States, keyed by code."""
    for row in _rows("airports.csv"):
        latitude, longitude = float(row["latitude"]), float(row["longitude"])
        yield _record(row["code"], {**row, "latitude": latitude, "longitude": longitude})


def employment() -> Iterator[NewRecord]:
    """People at work by month, keyed by sector."""
    for row in _rows("employment.csv"):
        month = row.pop("month")
        for sector, thousands in row.items():
            yield _record(sector, {"month": month, "sector": sector, "thousands": float(thousands)})


READINGS: Final[Mapping[str, Callable[[], Iterator[NewRecord]]]] = {
    "weather": weather,
    "airports": airports,
    "employment": employment,
}


def endless(topic: str) -> Iterator[NewRecord]:
    """The records of a demo topic, from the start again after the last."""
    while True:
        yield from READINGS[topic]()


def _rows(name: str) -> Iterator[dict[str, str]]:
    with (files(__package__) / "data" / name).open(encoding="utf-8") as file:
        yield from csv.DictReader(file)


def _record(key: str, value: Mapping[str, object]) -> NewRecord:
    text = json.dumps(value, ensure_ascii=False, separators=(",", ":"))
    return NewRecord(value=text.encode(), key=key.encode())
