"""What one process is to run: whether that makes sense, and in a line."""

from collections.abc import Sequence

from tailrace.core.errors import ConfigurationError
from tailrace.runtime.declarations import Handler, Program, Timer, function_name


def check_groups(programs: Sequence[Program]) -> None:
    """Refuse two handlers of one topic and group: each would get a part of the records only."""
    seen: dict[tuple[str, str], Handler] = {}
    for one in programs:
        if not isinstance(one, Handler):
            continue
        if one.group is None:
            _check_alone(one)
            continue
        for topic in one.topics:
            other = seen.setdefault((one.group, topic), one)
            if other is not one:
                raise ConfigurationError(
                    f"{other.name} and {one.name} both read {topic!r} in the group {one.group!r}, "
                    "so that each would get only a part of it.",
                    hint=f'Give one of them a group of its own, such as group="{one.group}-{one.name}".',
                )


def _check_alone(handler: Handler) -> None:
    if handler.workers > 1:
        raise ConfigurationError(
            f"{handler.name} has no group, so that each of its {handler.workers} workers would handle "
            "every record.",
            hint="Give it a group, or leave workers out.",
        )


def describe(programs: Sequence[Program]) -> str:
    """What is run, in a line."""
    return "; ".join(_described(one) for one in programs)


def _described(program: Program) -> str:
    if isinstance(program, Handler):
        group = "without a group" if program.group is None else f"in group {program.group}"
        return f"{program.name} reads {', '.join(program.topics)} {group}"
    if isinstance(program, Timer):
        return f"{program.name} every {program.seconds:g} s"
    return f"{function_name(program.function)} runs once"
