"""Origins as browsers send them: any other text in a list of them would never match, in silence."""

import re

_DEFAULT_PORTS = {"http": ":80", "https": ":443"}
_ORIGIN = re.compile(
    r"(?P<scheme>[a-z][a-z0-9+.-]*)://([a-z0-9._-]+|\[[0-9a-f:.]+\])(?P<port>:[1-9][0-9]{0,4})?"
)
_PIECES = re.compile(r"(?:(?P<scheme>[a-z][a-z0-9+.-]*):?//)?(?P<place>[^/?#]*)")


def valid_origin(text: str) -> bool:
    """Whether a browser may send this as a page's Origin; * stands for any."""
    form = _ORIGIN.fullmatch(text)
    return text == "*" or (form is not None and form["port"] != _DEFAULT_PORTS.get(form["scheme"], ""))


def how_to_write(text: str) -> str:
    """What to do about one that is not valid."""
    if text == "null":
        return "Type --allow-null-origin to let pages in that are opened as a file."
    likely = _likely(text.lower())
    if valid_origin(likely):
        return f"Write {likely}."
    return "Write each as http://localhost:8000, with its port; * alone is any."


def _likely(text: str) -> str:
    pieces = _PIECES.match(text)
    assert pieces is not None  # it matches any text
    scheme = pieces["scheme"] or "http"
    return f"{scheme}://{pieces['place'].removesuffix(_DEFAULT_PORTS.get(scheme, ''))}"
