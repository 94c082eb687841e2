"""Each order goes where its amount says."""

from collections.abc import Iterator
from dataclasses import dataclass

from tailrace import App, To

app = App("branch")


@dataclass
class Order:
    """An order of a shop."""

    number: int
    amount: float


@app.task(to="branch-orders")
def send() -> Iterator[Order]:
    """Six orders."""
    for number, amount in enumerate([12.5, 480.0, 99.0, 1200.0, 100.0, 5.0]):
        yield Order(number, amount)


@app.on("branch-orders", to=["branch-small", "branch-large"])
def sort(order: Order) -> To:
    """Large ones are looked at by somebody."""
    return To("branch-large" if order.amount >= 100 else "branch-small", order)


@app.on("branch-small")
def ship(order: Order) -> None:
    """Ship it at once."""
    print(f"Shipped order {order.number}")


@app.on("branch-large")
def review(order: Order) -> None:
    """Ask first."""
    print(f"Order {order.number} over {order.amount} waits for a review")
