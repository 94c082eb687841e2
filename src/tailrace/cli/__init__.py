"""The command line.

commands     the names of the commands, and their summaries without an import
group        the command `tailrace`: errors to exit codes, Ctrl-C, closed pipes
options      what several commands take: --url, --broker, --token
target       a gateway or brokers behind the same ports
pump         moves what a scan brings to standard output
forms        records as bytes: raw here, json, value, csv and table in `texts`, `parquet` beside them
lines        input, line by line
output       tables for people, JSON lines for programs
progress     a bar with rate and time left

The other modules hold one command group each.
"""

import sys

from tailrace.cli.commands import help_text


def main() -> None:
    """Run the command line of this process."""
    # The page of all commands, without the 60 ms that importing the rest takes.
    if sys.argv[1:] in ([], ["--help"], ["-h"], ["help"]):
        sys.stdout.write(help_text())
        return
    from tailrace.cli.group import run  # noqa: PLC0415  # see above

    run(sys.argv[1:])
