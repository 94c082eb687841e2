"""What importing a library costs, and what it costs to learn that a small value is JSON."""

import statistics
import subprocess
import sys
import timeit

import msgspec

from benchmarks.values import VALUE_BYTES, stamped

STARTS = 7
DECODINGS = 100_000
IMPORTS = {
    "starlette": "starlette.applications, starlette.routing",
    "litestar": "litestar",
    "fastapi": "fastapi",
    "click": "click",
    "cyclopts": "cyclopts",
}
DECODERS = {
    "msgspec": "msgspec.json.Decoder(msgspec.Raw)",
    "orjson": "orjson.loads",
}
_TIMED_IMPORT = "import time; t = time.perf_counter(); import {}; print((time.perf_counter() - t) * 1000)"


def import_ms(name: str) -> float:
    """Give the milliseconds that an import takes in a fresh Python, a median of several."""
    command = [sys.executable, "-c", _TIMED_IMPORT.format(IMPORTS[name])]
    times = [
        subprocess.run(command, capture_output=True, timeout=60, check=True).stdout for _ in range(STARTS)
    ]
    return statistics.median(map(float, times))


def decode_ns(name: str) -> float:
    """Give the nanoseconds that a decoder takes for a value of 100 bytes, the best of several rounds."""
    import orjson  # noqa: PLC0415  # comes with `make frameworks` only

    decode = {"msgspec": msgspec.json.Decoder(msgspec.Raw).decode, "orjson": orjson.loads}[name]
    value = stamped(1)
    assert len(value) == VALUE_BYTES
    return min(timeit.repeat(lambda: decode(value), number=DECODINGS, repeat=STARTS)) / DECODINGS * 1e9
