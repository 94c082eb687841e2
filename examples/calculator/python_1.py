"""Sends one calculation: the first program as a script of its own."""

import sys

import tailrace

operator_1, operator_2, operation = sys.argv[1:]

with tailrace.program("PYTHON_1", "scripts.yml") as program:
    program.producer.send({"operator_1": operator_1, "operator_2": operator_2, "operation": operation})
