"""The Python programs of pipeline.yml; three.py is the one that is an executable."""

from collections.abc import Iterator

from tailrace import App, To

app = App("steps")


@app.task(to="graph-numbers")
def one(count: int = 12) -> Iterator[To]:
    """Send numbers; those with the same key stay in order."""
    for number in range(count):
        yield To("graph-numbers", {"number": number}, key=f"key-{number % 4}")


@app.on("graph-numbers", to="graph-squares")
def two(value: dict[str, int]) -> dict[str, int]:
    """Square each; three workers share this."""
    return value | {"square": value["number"] ** 2}


@app.on("graph-left")
def four(value: dict[str, int]) -> None:
    """Print one branch."""
    print(f"left {value}")


@app.on("graph-right")
def five(value: dict[str, int]) -> None:
    """Print the other, at the same time."""
    print(f"right {value}")
