"""`tailrace graph`: exit codes, and what stands where."""

import subprocess
import sys

import pytest

MAIN = [sys.executable, "-c", "from tailrace.cli import main; main()"]


@pytest.fixture
def graph(folder):
    """Runs it on a text as pipeline.yml: exit code, output, errors."""

    def run(text, *more):
        (folder / "pipeline.yml").write_text(text)
        command = [*MAIN, "graph", "pipeline.yml", *more]
        done = subprocess.run(command, cwd=folder, capture_output=True, text=True, timeout=30, check=False)
        return done.returncode, done.stdout, done.stderr

    return run


@pytest.mark.parametrize(
    ("form", "begin"),
    [("text", "pipeline\n"), ("mermaid", "flowchart LR\n"), ("svg", "<svg "), ("compose", "# Written by")],
)
def test_it_is_drawn_in_each_form(graph, five, form, begin):
    """On standard output, for a file or a pipe."""
    code, out, err = graph(five, "--to", form)
    assert (code, err) == (0, "")
    assert out.startswith(begin)


def test_mistakes_are_lines_that_an_editor_jumps_to(graph, five):
    """All of them, on standard error, and exit code 2."""
    code, out, err = graph(five.replace("to: numbers", "too: numbers").replace("calc:five", "calc:six"))
    assert (code, out) == (2, "")
    assert [line.partition(" ")[0] for line in err.splitlines()[:2]] == [
        "pipeline.yml:5:29:",
        "pipeline.yml:9:16:",
    ]
    assert "Error: pipeline.yml has 2 mistakes; nothing was started." in err


def test_remarks_stop_nothing(graph):
    """The flat form cannot say that others use a topic."""
    code, out, err = graph("ONE: {PRODUCER: a}")
    assert (code, "ONE" in out) == (0, True)
    assert err == "pipeline.yml:1:17: note: No program reads 'a'. Others may.\n"


@pytest.mark.parametrize("escape", [r"\UFFFFFFFF", r"\ud800", r"\0"])
def test_what_is_no_text_is_a_mistake(graph, escape):
    """With its line, in place of a traceback."""
    code, out, err = graph(f'topics: {{t: }}\nprograms: {{one: {{run: [sh, "{escape}"], to: t}}}}')
    assert (code, out) == (2, "")
    assert err.startswith("pipeline.yml:2:")


@pytest.mark.parametrize("form", ["text", "mermaid", "svg"])
def test_no_drawing_holds_what_a_terminal_obeys(graph, form):
    """Nor what is no XML."""
    code, out, _ = graph('topics: {t: }\nprograms: {one: {run: [sh, "\\e[2J\\x01"], to: t}}', "--to", form)
    assert (code, "sh" in out) == (0, True)
    assert all(one.isprintable() or one == "\n" for one in out)
