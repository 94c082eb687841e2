"""Two programs: `one` sends a calculation, `two` does it. Numbers travel as texts."""

from dataclasses import dataclass
from typing import Literal

from tailrace import App

app = App("calc")


@dataclass
class Calculation:
    """What is to be calculated."""

    operator_1: float | int
    operator_2: float | int
    operation: Literal["sum", "sub"]


@app.task(to="calculations")
def one(operator_1: str, operator_2: str, operation: str) -> dict[str, str]:
    """Send one calculation, as it was typed."""
    return {"operator_1": operator_1, "operator_2": operator_2, "operation": operation}


@app.on("calculations", group="calculators", start="earliest", coerce=True, on_error="skip")
def two(value: Calculation) -> None:
    """Print the result; what is no calculation is said with its place, and left out."""
    if value.operation == "sum":
        result = value.operator_1 + value.operator_2
    else:
        result = abs(value.operator_1 - value.operator_2)
    print(f"Result of operation {value.operation} is ::: {result}")
