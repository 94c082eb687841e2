"""What a client takes by its header `Accept`."""

from collections.abc import Collection, Iterator


def accepted(header: bytes, offered: Collection[str]) -> Iterator[tuple[float, int, str]]:
    """Those of the offered media types that are taken, as (less its weight, its place, its name).

    So the smallest is the one that is liked most, and of equals the first.
    """
    for place, entry in enumerate(header.decode("latin-1").lower().split(",")):
        media, *parameters = (part.strip() for part in entry.split(";"))
        if media in offered and (weight := _weight(parameters)) > 0:
            yield -weight, place, media


def _weight(parameters: Collection[str]) -> float:
    for parameter in parameters:
        if parameter.startswith("q="):
            try:
                return float(parameter[2:])
            except ValueError:
                return 0
    return 1
