"""The page and the picture made from the last results."""

from pathlib import Path
from typing import Any

from benchmarks import results
from benchmarks.figures import Measurement

PAGE = Path(__file__).parent / "README.md"
PICTURE = results.FOLDER / "figures.png"
BEGIN, END = "<!-- results -->", "<!-- end of results -->"
MOST_SCORE, LEAST_SCORE = 20.0, 0.05
REACHED, MISSED = "#2b7a5b", "#b8402f"

Result = dict[str, Any]


def number(value: float | None, unit: str) -> str:
    """Write a number as people read it."""
    if value is None:
        return "never"
    text = f"{value:,.0f}" if abs(value) >= 100 or value == int(value) else f"{value:.3g}"
    return f"{text} {unit}".strip() if unit != "/s" else f"{text}/s"


def asked(figure: Result) -> str:
    if figure["at_least"] is not None:
        return f"≥ {number(figure['at_least'], figure['unit'])}"
    return f"≤ {number(figure['at_most'], figure['unit'])}" if figure["at_most"] is not None else ""


def table(measured: list[Result]) -> str:
    """Write all figures, asked and measured, as a Markdown table."""
    rows = ["| what | figure | asked | measured | reached |", "|---|---|---|---|---|"]
    for result in measured:
        what = f"{result['what']} (`{result['name']}`)"
        for figure in result["figures"].values():
            verdict = {True: "yes", False: "**no**", None: ""}[figure["met"]]
            value = number(figure["median"], figure["unit"])
            rows.append(f"| {what} | {figure['what']} | {asked(figure)} | {value} | {verdict} |")
            what = ""
    return "\n".join(rows)


def _machine(result: Result) -> str:
    m = result["machine"]
    return (
        f"{m['processor']}, {m['cores']} cores, {m['memory']}, Linux {m['kernel']}, Python {m['python']}, "
        f"librdkafka {m['librdkafka']}, uvloop {m['uvloop']}, {m['go']}, kcat {m['kcat']}"
    )


def _dates(measured: list[Result]) -> str:
    rows = {
        f"{r['machine']['date'][:10]}, commit {r['machine']['commit']}, median of {len(r['details'])}"
        for r in measured
    }
    return "; ".join(sorted(rows))


def write_page(measurements: list[Measurement]) -> None:
    """Put the table of the last results into the page."""
    measured = [result for each in measurements if (result := results.load(each))]
    if not measured:
        return
    head, _, rest = PAGE.read_text().partition(BEGIN)
    tail = rest.partition(END)[2]
    picture = f"![every figure against its target]({PICTURE.relative_to(PAGE.parent)})"
    made = f"{picture}\n\n{_machine(measured[-1])}.\n\nMeasured {_dates(measured)}.\n\n{table(measured)}"
    PAGE.write_text(f"{head}{BEGIN}\n{made}\n{END}{tail}")


def _bars(measurements: list[Measurement]) -> list[tuple[str, float, str]]:
    bars = []
    for measurement in measurements:
        kept = (results.load(measurement) or {"figures": {}})["figures"]
        for figure in measurement.figures:
            if figure.asked and figure.key in kept:  # a count of faults has no scale
                value = kept[figure.key]["median"]
                score = figure.score(value) if value is not None else 0.0
                text = f"{number(value, figure.unit)}  ({asked(kept[figure.key])})"
                bars.append((f"{measurement.name}: {figure.what}", score or 0.0, text))
    return bars


def draw(measurements: list[Measurement]) -> None:
    """Draw every figure as how many times better than asked it is; the line is the target."""
    import matplotlib as mpl  # noqa: PLC0415  # a second of import, needed here only

    mpl.use("Agg")
    from matplotlib import pyplot as plt  # noqa: PLC0415

    bars = _bars(measurements)[::-1]
    if not bars:
        return
    figure, axes = plt.subplots(figsize=(13, 1.6 + 0.27 * len(bars)))
    scores = [min(max(score, LEAST_SCORE), MOST_SCORE) for _, score, _ in bars]
    axes.barh(range(len(bars)), [score - LEAST_SCORE for score in scores], left=LEAST_SCORE, height=0.68,
              color=[REACHED if score >= 1 else MISSED for _, score, _ in bars])  # fmt: skip
    for row, (_, _, text) in enumerate(bars):
        axes.text(MOST_SCORE * 1.1, row, text, va="center", fontsize=8, color="#333333")
    axes.axvline(1, color="#222222", linewidth=1.4)
    axes.text(1, len(bars) - 0.2, "target", ha="center", va="bottom", fontsize=9)
    axes.set_xscale("log")
    axes.set_xlim(LEAST_SCORE, MOST_SCORE)
    axes.set_ylim(-0.7, len(bars) + 0.4)
    ticks = [0.1, 0.25, 0.5, 1, 2, 4, 10, 20]
    axes.set_xticks(ticks, [f"{tick:g}" for tick in ticks])
    axes.xaxis.set_minor_locator(mpl.ticker.NullLocator())
    axes.set_yticks(range(len(bars)), [label for label, _, _ in bars], fontsize=8)
    axes.tick_params(axis="y", length=0)
    axes.spines[["top", "right", "left"]].set_visible(False)
    axes.set_xlabel("times better than asked (right of the line: reached)")
    figure.tight_layout()
    PICTURE.parent.mkdir(exist_ok=True)
    figure.savefig(PICTURE, dpi=110)
    plt.close(figure)
