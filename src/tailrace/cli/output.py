"""What commands show: tables for people when standard output is a terminal, JSON lines when it is not."""

import json
import sys
from collections.abc import Iterable, Mapping, Sequence

_CELL = 60


def show(rows: Iterable[Mapping[str, object]], columns: Sequence[str]) -> None:
    """Rows as a table of the named columns, or all they hold as JSON lines."""
    if not sys.stdout.isatty():
        for row in rows:
            sys.stdout.write(json.dumps(row, ensure_ascii=False, separators=(",", ":")) + "\n")
        return
    cells = [[_cell(row.get(column)) for column in columns] for row in rows]
    for line in table([[column.replace("_", " ").upper() for column in columns], *cells]):
        sys.stdout.write(line + "\n")


def table(lines: Sequence[Sequence[str]]) -> list[str]:
    """Columns as wide as their widest cell; numbers to the right."""
    widths = [max(len(line[i]) for line in lines) for i in range(len(lines[0]))]
    numeric = [all(_is_number(line[i]) for line in lines[1:]) for i in range(len(widths))]
    return [
        "  ".join(_padded(*cell) for cell in zip(line, widths, numeric, strict=True)).rstrip()
        for line in lines
    ]


def note(text: str) -> None:
    """A remark beside the output."""
    sys.stderr.write(f"{printable(text)}\n")


def printable(text: str) -> str:
    """The text without anything that a terminal would obey."""
    return text if text.isprintable() else "".join(c if c.isprintable() else _escaped(c) for c in text)


def _escaped(character: str) -> str:
    return character.encode("unicode_escape").decode()


def _cell(value: object) -> str:
    text = (
        "-" if value is None else value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
    )
    text = printable(text)
    return text if len(text) <= _CELL else text[: _CELL - 1] + "…"


def _is_number(cell: str) -> bool:
    return cell == "-" or cell.lstrip("-").isdecimal()


def _padded(cell: str, width: int, numeric: bool) -> str:  # noqa: FBT001  # a column's nature
    return cell.rjust(width) if numeric else cell.ljust(width)
