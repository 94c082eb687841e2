"""Prints results: the second program as a script of its own; its argument is its number."""

import sys

import tailrace

with tailrace.program("PYTHON_2", "scripts.yml") as program:
    for message in program.consumer:
        try:
            one, two = int(message.value["operator_1"]), int(message.value["operator_2"])
            result = {"sum": one + two, "sub": abs(one - two)}[message.value["operation"]]
        except (KeyError, ValueError) as error:
            print(
                f"No calculation at {message.topic}, {message.partition}, {message.offset}: {error!r}",
                flush=True,
            )
        else:
            print(f"Worker {sys.argv[1]}: {result}", flush=True)
