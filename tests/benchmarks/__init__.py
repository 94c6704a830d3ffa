"""Speed beside peers, as ratios from one interleaved run: `python -m tests.benchmarks`."""
