"""What is measured, against which raw limit: `python -m benchmarks --list`."""
