"""How fast windflow is on this machine: ``python -m tests.benchmarks``."""
