"""What is wrong with a pipeline's file: each mistake with its line and what to do, all told at once."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from difflib import get_close_matches

from tailrace.core.errors import ConfigurationError


@dataclass(frozen=True, slots=True, order=True)
class Place:
    """Where something stands in a file, both from 1."""

    line: int
    column: int


@dataclass(frozen=True, slots=True, order=True)
class Mistake:
    """One thing that is wrong, and its fix; a mere remark stops nothing."""

    place: Place
    what: str
    fix: str
    remark: bool = False

    def said(self, file: str) -> str:
        """The line that a person reads, in the form that editors jump to."""
        kind = "note: " if self.remark else ""
        return f"{file}:{self.place.line}:{self.place.column}: {kind}{self.what} {self.fix}"


class Mistakes:
    """Collects what is found, so that one look at a file finds all."""

    def __init__(self) -> None:
        self._found: list[Mistake] = []

    def add(self, place: Place, what: str, fix: str, *, remark: bool = False) -> None:
        """One more."""
        self._found.append(Mistake(place, what, fix, remark))

    def __bool__(self) -> bool:
        """Whether anything was found that stops the pipeline."""
        return any(not mistake.remark for mistake in self._found)

    def all(self) -> Sequence[Mistake]:
        """What was found, from the top of the file down."""
        return sorted(set(self._found))


class WrongPipeline(ConfigurationError):
    """A pipeline's file has mistakes."""

    def __init__(self, file: str, mistakes: Sequence[Mistake]) -> None:
        count = sum(not mistake.remark for mistake in mistakes)
        super().__init__(
            f"{file} has {count} mistake{'s' if count > 1 else ''}; nothing was started.",
            hint=f"Mend what is said above, then `tailrace graph {file}` looks again.",
        )
        self.mistakes = mistakes
        self._file = file

    def __str__(self) -> str:
        """All of them, as a traceback shows it."""
        return "\n".join([self.detail, *(mistake.said(self._file) for mistake in self.mistakes)])


def did_you_mean(name: str, known: Iterable[str]) -> str:
    """A fix that names the nearest right name; empty if none is near."""
    names = sorted(known)
    # Two letters in the wrong order are the commonest slip; by other measures "form" is nearer to "format".
    same = [one for one in names if sorted(one.lower()) == sorted(name.lower())]
    near = same or get_close_matches(name, names, 1)
    return f"Did you mean {near[0]!r}?" if near else ""
