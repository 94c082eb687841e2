"""What a worker process is told on one descriptor, and what it says on another, as JSON."""

from typing import Any, Literal

import msgspec

State = Literal["ready", "running", "stopping", "done", "failed"]

DONE, FAILED, WRONG_USAGE = 0, 1, 2
STATUS_SECONDS = 1.0
ECHO_SECONDS = 0.5
"""A second signal within this is none: GNU `timeout` sends each to the process and to its group."""


class WorkerSpec(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """One worker of a program; what is left out is as the program's decorator says.

    `run` is "module:name", or the argument list of an executable. `group` null reads everything in
    this process and commits nothing. `kafka` are client settings by kafka-python's or librdkafka's names.
    `broker` empty is TAILRACE_BROKER, else localhost:9092; `client_id` a number N stands for `client-N`.
    `usage` is the command to which a person adds a task's arguments.
    """

    run: str | list[str]
    reads: list[str] = []
    writes: list[str] = []
    broker: str = ""
    kafka: dict[str, Any] = {}
    group: str | msgspec.UnsetType | None = msgspec.UNSET
    client_id: str = ""
    start: Literal["earliest", "latest"] | None = None
    args: list[str] = []
    format: Literal["json", "text"] | None = None
    program: str = ""
    usage: str = ""


class Status(msgspec.Struct, frozen=True):
    """One line of status: at the start, each second, and when the state changes.

    `records` are those handled since the start, `sent` those written; `error` is the last one, if any, and
    `hint` what it says to do.
    """

    state: State
    records: int = 0
    sent: int = 0
    error: str | None = None
    hint: str = ""


def read_spec(document: bytes) -> WorkerSpec:
    """The document that a worker is started with; raises msgspec.DecodeError."""
    return msgspec.json.decode(document, type=WorkerSpec)


def status_line(status: Status) -> bytes:
    """The status as one line."""
    return msgspec.json.encode(status) + b"\n"


def client_name(client_id: str, app: str) -> str:
    """How a worker is called towards Kafka: a bare number N is `client-N`, none is `<app>-0`."""
    if not client_id:
        return f"{app}-0"
    return f"client-{client_id}" if client_id.isdecimal() else client_id
