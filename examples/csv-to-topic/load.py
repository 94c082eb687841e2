"""The rows of a CSV file, as records."""

import csv
from collections.abc import Iterator
from pathlib import Path

from tailrace import App, To

app = App("load")


@app.task(to="readings")
def rows(file: str) -> Iterator[To]:
    """Send each row as an object; a station's rows keep their order by its name as key."""
    with Path(file).open(newline="") as text:
        for row in csv.DictReader(text):
            yield To("readings", row, key=row["station"])
