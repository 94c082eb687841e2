"""What is wrong with a pipeline's file: each mistake with its line and what to do, all told at once."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from difflib import get_close_matches

from tailrace.core.errors import ConfigurationError

MOST_TOLD = 200
"""Mistakes and remarks of one file; nobody reads more at once."""
MOST_SUGGESTED = 20


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
        return printable(f"{file}:{self.place.line}:{self.place.column}: {kind}{self.what} {self.fix}")


class Mistakes:
    """Collects what is found, so that one look at a file finds all."""

    def __init__(self) -> None:
        self._found: list[Mistake] = []
        self._more = 0
        self._suggested = 0

    def add(self, place: Place, what: str, fix: str, *, remark: bool = False) -> None:
        """One more."""
        if len(self._found) < MOST_TOLD:
            self._found.append(Mistake(place, what, fix, remark))
        elif not remark:
            self._more += 1

    def near(self, name: str, known: Iterable[str]) -> str:
        """As `did_you_mean`, for the first ones: to look for more takes long where names are many."""
        self._suggested += 1
        return did_you_mean(name, known) if self._suggested <= MOST_SUGGESTED else ""

    def __bool__(self) -> bool:
        """Whether anything was found that stops the pipeline."""
        return bool(self._more) or any(not mistake.remark for mistake in self._found)

    @property
    def count(self) -> int:
        """How many stop the pipeline."""
        return sum(not mistake.remark for mistake in set(self._found)) + self._more

    def all(self) -> Sequence[Mistake]:
        """What was found, from the top of the file down."""
        found = sorted(set(self._found))
        if self._more:
            found.append(Mistake(found[-1].place, f"There are {self._more:,} more.", "Mend these first."))
        return found


class WrongPipeline(ConfigurationError):
    """A pipeline's file has mistakes."""

    def __init__(self, file: str, mistakes: Mistakes) -> None:
        count = mistakes.count
        super().__init__(
            f"{file} has {count:,} mistake{'s' if count > 1 else ''}; nothing was started.",
            hint=f"Mend what is said above, then `tailrace graph {file}` looks again.",
        )
        self.mistakes = mistakes.all()
        self._file = file

    def __str__(self) -> str:
        """All of them, as a traceback shows it."""
        return "\n".join([self.detail, *(mistake.said(self._file) for mistake in self.mistakes)])


def printable(text: str) -> str:
    """A text without what a terminal would obey, and what no file in UTF-8 or XML can hold."""
    return "".join(one if one.isprintable() or one in "\n\t" else "\ufffd" for one in text)


def did_you_mean(name: str, known: Iterable[str]) -> str:
    """A fix that names the nearest right name; empty if none is near."""
    names = sorted(known)
    # Two letters in the wrong order are the commonest slip; by other measures "form" is nearer to "format".
    same = [one for one in names if sorted(one.lower()) == sorted(name.lower())]
    near = same or get_close_matches(name, names, 1)
    return f"Did you mean {near[0]!r}?" if near else ""
