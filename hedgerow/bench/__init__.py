"""Benchmarks of the whole path and of its steps, each with its own yardstick in the same run."""
