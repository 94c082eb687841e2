"""What Tailrace is: records, cursors, windows and readers. Standard library only, no I/O."""
