"""From a file to a pipeline that was looked at from all sides, or to all of its mistakes."""

import stat
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

from tailrace.core.errors import ConfigurationError
from tailrace.pipelines.checks import check
from tailrace.pipelines.flat_form import is_flat, read_flat
from tailrace.pipelines.mistakes import Mistake, Mistakes, WrongPipeline, did_you_mean
from tailrace.pipelines.model import Pipeline
from tailrace.pipelines.tree import MAX_BYTES, read_tree
from tailrace.pipelines.yaml_form import read_pipeline


class Loaded(NamedTuple):
    """A pipeline and the remarks on it."""

    pipeline: Pipeline
    remarks: Sequence[Mistake]


def load(
    file: Path, runs: Mapping[str, str] | None = None, *, broker: str = "", check_runs: bool = True
) -> Loaded:
    """Read and check a file; `runs` say what programs run, `broker` where all are; both win over the file.

    Without `check_runs` nobody looks whether there is what they run.

    Raises:
        WrongPipeline: with all mistakes of the file.
        ConfigurationError: it cannot be read, or `runs` names a program that it does not have.
    """
    mistakes = Mistakes()
    pipeline = parse(_content(file), file, runs or {}, mistakes, broker=broker, check_runs=check_runs)
    if mistakes or pipeline is None:
        raise WrongPipeline(str(file), mistakes)
    return Loaded(pipeline, mistakes.all())


def parse(
    content: bytes,
    file: Path,
    runs: Mapping[str, str],
    mistakes: Mistakes,
    *,
    broker: str = "",
    check_runs: bool = True,
) -> Pipeline | None:
    """The pipeline that a file's bytes say; None if nothing can be made of them."""
    tree = read_tree(content, mistakes)
    if tree is None:
        return None
    pipeline = (read_flat if is_flat(tree) else read_pipeline)(tree, file, runs, mistakes)
    for name in runs.keys() - pipeline.programs.keys():
        raise no_program(name, pipeline)
    return check(pipeline.at(broker) if broker else pipeline, mistakes, check_runs=check_runs)


def no_program(name: str, pipeline: Pipeline) -> ConfigurationError:
    """A name on the command line that the file does not have."""
    known = ", ".join(pipeline.programs)
    return ConfigurationError(
        f"{pipeline.file} has no program {name!r}.",
        hint=did_you_mean(name, pipeline.programs) or f"It has {known}.",
    )


def _content(file: Path) -> bytes:
    try:
        # Each script reads it again, which a pipe does not allow; one that nobody writes never ends.
        if not stat.S_ISREG(file.stat().st_mode):
            raise _unreadable(file, "it is a folder" if file.is_dir() else "it is no regular file")
        with file.open("rb") as stream:
            # One more than it may have: the rest of a huge file is not even read.
            return stream.read(MAX_BYTES + 1)
    except OSError as error:
        raise _unreadable(file, error.strerror or str(error)) from None


def _unreadable(file: Path, why: str) -> ConfigurationError:
    return ConfigurationError(f"Could not read {file}: {why}.", hint="Name the file of a pipeline.")
