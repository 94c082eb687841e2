"""`python -m tailrace`: the command, where no `tailrace` is on the path."""

from tailrace.cli import main

main()
