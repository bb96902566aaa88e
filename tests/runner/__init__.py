"""Runs the tests in stages: `tests/run`."""
