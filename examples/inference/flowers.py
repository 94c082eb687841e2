"""A small model that is trained once and asked by several workers."""

import pickle
from collections.abc import Iterator
from pathlib import Path

from sklearn.datasets import load_iris
from sklearn.linear_model import LogisticRegression

from tailrace import App, To

MODEL = Path(__file__).with_name("model.pickle")
FLOWERS = load_iris()

app = App("flowers")


@app.task
def train() -> None:
    """Learn which measures belong to which iris, and keep what was learned."""
    model = LogisticRegression(max_iter=1000).fit(FLOWERS.data, FLOWERS.target)
    MODEL.write_bytes(pickle.dumps(model))
    print(f"Right for {model.score(FLOWERS.data, FLOWERS.target):.0%} of {len(FLOWERS.target)} flowers")


@app.task(to="measures")
def measure() -> Iterator[To]:
    """Send each flower's four measures; keys spread them over the partitions, and so over the workers."""
    for number, measures in enumerate(FLOWERS.data):
        yield To("measures", {"measures": measures.tolist()}, key=str(number))


@app.on("measures", to="species", batch=50)
def guess(values: list[dict[str, list[float]]]) -> list[dict[str, object]]:
    """Name the species of up to fifty flowers at a time: one call of the model for all of them."""
    found = model().predict([value["measures"] for value in values])
    print(f"Named {len(values)} flowers")
    return [value | {"species": str(FLOWERS.target_names[n])} for value, n in zip(values, found, strict=True)]


@app.on("species")
def show(value: dict[str, object]) -> None:
    """Print it."""
    print(f"{value['measures']} is {value['species']}")


loaded: list[LogisticRegression] = []


def model() -> LogisticRegression:
    """The model, read by each worker once."""
    if not loaded:
        loaded.append(pickle.loads(MODEL.read_bytes()))
    return loaded[0]
