"""Measurements side by side: each file is one command, `python -m benchmarks.NAME`."""
