"""What a program runs: a Python target or a command, in both forms of the file and on the command line."""

import re
import shlex
from collections.abc import Sequence

from tailrace.pipelines.fields import Fields
from tailrace.pipelines.mistakes import Place
from tailrace.pipelines.model import Answers, Command, Speaks, Target

_FIX = 'Write run: "module:function", or run: ["python", "script.py"].'
_TARGET = re.compile(r"([A-Za-z_]\w*(?:\.[A-Za-z_]\w*)*):([A-Za-z_]\w*)")
_SHOWN_WORDS = 8
_YAML_TALK, _FLAT_TALK = ("speaks", "answers"), ("SPEAKS", "ANSWERS")


def yaml_run(fields: Fields, given: str | None) -> Target | Command | None:
    """`run` of the YAML form: a target, or a list that is a command of JSON lines."""
    if given is not None:
        return _shell(fields, given, fields.place, Speaks.LINES)
    run = _yaml_run(fields)
    _check_talk(fields, run, _YAML_TALK)
    return run


def _yaml_run(fields: Fields) -> Target | Command | None:
    if "run" not in fields:
        fields.mistake(fields.place, f"{fields.what} has no 'run'.", _FIX)
        return None
    value = fields["run"].value
    if not isinstance(value, str):
        return _listed(fields, "run", Speaks.LINES)
    target = target_of(value)
    if target is None:
        fix = f"A command is a list: {_as_list(value)}." if " " in value else _FIX
        fields.mistake(fields.where("run"), f"{fields.what} cannot run {value[:60]!r}.", fix)
    return target


def flat_run(fields: Fields, given: str | None) -> Target | Command | None:
    """`RUN` of the flat form: a target, or a command that has Kafka clients of its own."""
    if given is not None:
        return _shell(fields, given, fields.place, Speaks.KAFKA)
    run = _flat_run(fields)
    _check_talk(fields, run, _FLAT_TALK)
    return run


def _flat_run(fields: Fields) -> Target | Command | None:
    if "RUN" not in fields:
        return None
    value = fields["RUN"].value
    if isinstance(value, str):
        return _shell(fields, value, fields.where("RUN"), Speaks.KAFKA)
    return _listed(fields, "RUN", Speaks.KAFKA)


def target_of(text: str) -> Target | None:
    """A text of the form module:name."""
    found = _TARGET.fullmatch(text)
    return Target(found[1], found[2]) if found else None


def _shell(fields: Fields, text: str, place: Place, speaks: Speaks) -> Target | Command | None:
    target = target_of(text.strip())
    if target:
        return target
    try:
        argv = tuple(shlex.split(text))
    except ValueError:
        fields.mistake(place, f"{fields.what} cannot run {text[:60]!r}: a quote is open.", "Close it.")
        return None
    return _command(fields, argv, place, speaks)


def _listed(fields: Fields, name: str, default: Speaks) -> Command | None:
    node = fields[name]
    if not isinstance(node.value, Sequence):
        fields.mistake(node.place, f"{fields.what} cannot run {node.kind}.", _FIX)
        return None
    words = fields.words(name)
    # Of words that cannot be read it is said already.
    return _command(fields, words, node.place, default) if words or not node.value else None


def _command(fields: Fields, argv: tuple[str, ...], place: Place, default: Speaks) -> Command | None:
    if not argv:
        fields.mistake(place, f"{fields.what} has nothing to run.", _FIX)
        return None
    speaks, answers = _YAML_TALK if default is Speaks.LINES else _FLAT_TALK
    return Command(
        argv,
        Speaks(fields.text(speaks, default.value, of=[one.value for one in Speaks])),
        Answers(fields.text(answers, Answers.ONE.value, of=[one.value for one in Answers])),
    )


def _check_talk(fields: Fields, run: Target | Command | None, names: tuple[str, str]) -> None:
    """Where no command is run, nothing would come of what is said of how it talks."""
    for name in names:
        if name in fields and not isinstance(run, Command):
            fields.mistake(
                fields.where(name), f"{fields.what} runs no command that has {name!r}.", "Take it away."
            )


def _as_list(text: str) -> str:
    return "[" + ", ".join(f'"{word}"' for word in text.split()[:_SHOWN_WORDS]) + "]"
