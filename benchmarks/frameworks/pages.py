"""The tables of the decision pages, made from the last result."""

from pathlib import Path
from typing import Any

from benchmarks.frameworks.rates import CONNECTIONS, Candidate
from benchmarks.report import BEGIN, END

FOLDER = Path(__file__).parents[2] / "docs" / "decisions"
FRAMEWORKS = ("starlette", "litestar", "fastapi")
SERVED = (*FRAMEWORKS, "uvicorn", "granian", "msgspec")


class Result:
    """A result as pages cite it."""

    def __init__(self, saved: dict[str, Any]) -> None:
        self._figures, self._machine = saved["figures"], saved["machine"]
        runs = len(saved["details"])
        self._amount = f"median of {runs} runs" if runs > 1 else "one run"
        self._seconds = saved["flow_seconds"]

    def of(self, key: str) -> str:
        """Give a figure's median."""
        return _text(self._figures[key]["median"])

    def spread(self, key: str) -> str:
        """Give a figure's median, with the lowest and the highest if there were several runs."""
        runs = self._figures[key]["runs"]
        if len(runs) == 1:
            return self.of(key)
        return f"{self.of(key)} ({_text(min(runs))} to {_text(max(runs))})"

    @property
    def made(self) -> str:
        m = self._machine
        return (
            f"`make frameworks`, {m['date'][:10]}, {self._amount}, {self._seconds:g} s a rate: "
            f"{m['processor']}, {m['cores']} cores, Linux {m['kernel']}, Python {m['python']}"
        )

    def versions(self, *names: str) -> str:
        return ", ".join(f"{name} {self._machine[name]}" for name in names)


def put(page: str, text: str) -> None:
    """Put figures where a page has the place for them."""
    path = FOLDER / page
    head, begin, rest = path.read_text().partition(BEGIN)
    _, end, tail = rest.partition(END)
    if not (begin and end):
        raise ValueError(f"{page} has no place for figures: {BEGIN} … {END}")
    path.write_text(f"{head}{BEGIN}\n{text}\n{END}{tail}")


def servers(
    result: Result, requesting: list[Candidate], streaming: list[Candidate], crowds: list[int]
) -> str:
    """Write the tables of frameworks and servers."""
    parts = [
        f"Small JSON in and out, {CONNECTIONS} connections kept alive: median (lowest to highest of all "
        "runs), and what one second of the server's processor time is good for.",
        _requests_table(result, requesting),
        "Payloads of 64 KB, the same bytes to all clients, as fast as they go: MB a second, and for one "
        "second of the server's processor time.",
        _streams_table(result, streaming, crowds),
        "Imports: " + ", ".join(f"{name} {result.of(f'import_{name}_ms')} ms" for name in FRAMEWORKS) + ".",
        f"{result.made}; {result.versions(*SERVED)}.",
    ]
    return "\n\n".join(parts)


def _requests_table(result: Result, candidates: list[Candidate]) -> str:
    rows = [_row("", "requests/s", "p99", "requests per processor second"), "|---|---|---|---|"]
    for each in candidates:
        p99 = f"{result.of(f'{each.name}_p99_ms')} ms"
        rate, per_cpu = result.spread(f"{each.name}_per_s"), result.of(f"{each.name}_per_cpu_s")
        rows.append(_row(each.what, rate, p99, per_cpu))
    return "\n".join(rows)


def _streams_table(result: Result, candidates: list[Candidate], crowds: list[int]) -> str:
    heads = [head for crowd in crowds for head in (f"{crowd:,} clients", "per processor second")]
    rows = [_row("", *heads), "|---|" + "---|" * len(heads)]
    for each in candidates:
        cells = []
        for crowd in crowds:
            key = f"{each.name}_{crowd}_mb_per"
            cells += [result.spread(f"{key}_s"), result.of(f"{key}_cpu_s")]
        rows.append(_row(each.what, *cells))
    return "\n".join(rows)


def _row(*cells: str) -> str:
    return f"| {' | '.join(cells)} |"


def _text(value: float) -> str:
    return f"{value:,.0f}" if value >= 10 else f"{value:.2g}"


def command_line(result: Result) -> str:
    """Write what the candidates for the command line cost."""
    click, cyclopts = result.of("import_click_ms"), result.of("import_cyclopts_ms")
    made = f"{result.made}; {result.versions('click', 'cyclopts')}"
    return f"click imports in {click} ms, Cyclopts in {cyclopts} ({made})."


def decoding(result: Result) -> str:
    """Write what learning that a value is JSON costs."""
    raw, built = result.of("decode_msgspec_ns"), result.of("decode_orjson_ns")
    return (
        f"For a value of 100 bytes it takes {raw} ns and `orjson.loads` {built} "
        f"({result.made}; {result.versions('msgspec', 'orjson')})."
    )
