"""`tailrace graph`: checks a pipeline's file and draws it."""

import sys
from importlib import import_module
from pathlib import Path

import click

from tailrace.cli.options import Command
from tailrace.cli.output import note
from tailrace.pipelines.loading import load
from tailrace.pipelines.mistakes import WrongPipeline

FORMS = {
    "text": "tailrace.pipelines.drawing_text",
    "mermaid": "tailrace.pipelines.drawing_mermaid",
    "svg": "tailrace.pipelines.drawing_svg",
    "compose": "tailrace.pipelines.compose",
}


@click.command(cls=Command, example="tailrace graph pipeline.yml --to mermaid")
@click.argument("file", type=click.Path(path_type=Path))
@click.option("--to", "form", type=click.Choice(list(FORMS)), default="text", help="What to draw it as.")
def command(file: Path, form: str) -> None:
    """Check a pipeline's file, tell all of its mistakes, and draw it.

    text is for the terminal; mermaid for Markdown; svg a picture; compose a file for docker compose.
    """
    try:
        pipeline, remarks = load(file)
    except WrongPipeline as wrong:
        for mistake in wrong.mistakes:
            note(mistake.said(str(file)))
        raise
    for remark in remarks:
        note(remark.said(str(file)))
    sys.stdout.write(import_module(FORMS[form]).draw(pipeline))
