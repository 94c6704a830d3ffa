"""Speed beside peers, as ratios from one interleaved run. Run by hand: `python -m tests.benchmarks`."""
