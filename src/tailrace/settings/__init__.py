"""Every setting, declared once: name, type, default, one sentence, unit, bounds.

A setting's name is its group and field (`server.port`). It comes from the settings file
(`[server] port = 8484`), from the environment (`TAILRACE_SERVER_PORT`, or `TAILRACE_SERVER_PORT_FILE`
naming a file that holds the value) or from an option; options win over the environment, the environment
over the file. `[kafka]` also takes any client setting, which `tailrace.kafka` translates and checks.
"""

from tailrace.settings.declarations import (
    Deadlines,
    Declaration,
    GrantEntry,
    Kafka,
    Limits,
    Log,
    Ownership,
    PrincipalEntry,
    Server,
    Settings,
    SocketIO,
    TaskLogs,
    declarations,
)
from tailrace.settings.loading import OTHER_VARIABLES, find_file, load, load_people, user_folder
from tailrace.settings.principals import People

__all__ = [
    "OTHER_VARIABLES",
    "Deadlines",
    "Declaration",
    "GrantEntry",
    "Kafka",
    "Limits",
    "Log",
    "Ownership",
    "People",
    "PrincipalEntry",
    "Server",
    "Settings",
    "SocketIO",
    "TaskLogs",
    "declarations",
    "find_file",
    "load",
    "load_people",
    "user_folder",
]
