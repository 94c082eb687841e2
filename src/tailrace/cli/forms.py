"""The forms of records on standard output; each is imported when it is asked for."""

from typing import Protocol

from tailrace.core.scans import Batch

NAMES = ("json", "value", "raw", "table", "csv", "parquet")


class Form(Protocol):
    """Turns batches into bytes, between a beginning and an end."""

    def begin(self) -> bytes:
        """What comes before the first record."""
        ...

    def rows(self, batch: Batch) -> bytes:
        """The records of a batch."""
        ...

    def end(self) -> bytes:
        """What comes after the last record."""
        ...


class Lines:
    """A form that has neither beginning nor end of its own."""

    def begin(self) -> bytes:
        """Nothing."""
        return b""

    def end(self) -> bytes:
        """Nothing."""
        return b""


class Raw(Lines):
    """The bytes of the values, each with a line feed; null is an empty line. As kcat prints them."""

    def rows(self, batch: Batch) -> bytes:
        """The values; keys and the rest are not even looked at."""
        values = batch.values()
        try:
            return b"\n".join(values) + b"\n"  # type: ignore[arg-type]  # None is the exception
        except TypeError:
            return b"".join([b"%b\n" % (value or b"") for value in values])


def make_form(name: str) -> Form:
    """The form of that name."""
    if name == "raw":
        return Raw()
    if name == "parquet":
        from tailrace.cli.parquet import Parquet  # noqa: PLC0415  # an extra, and heavy

        return Parquet()
    from tailrace.cli.texts import FORMS  # noqa: PLC0415  # raw values need none of it

    return FORMS[name]()
