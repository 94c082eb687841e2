"""How a write's bytes stand on the connection."""


def chunked(data: bytes) -> bytes:
    """One chunk of HTTP/1.1's chunked coding; nothing for nothing, since an empty chunk ends the body."""
    return b"%x\r\n%b\r\n" % (len(data), data) if data else b""


def bare(data: bytes) -> bytes:
    """The bytes as they are, for HTTP/1.0, where the end of the connection ends the body."""
    return data


LAST_CHUNK = b"0\r\n\r\n"
