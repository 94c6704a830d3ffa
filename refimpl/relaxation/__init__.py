"""Continuous relaxation of algorithms: conditions, control flow, indexing, and programs.

In reading order: `conditions` (what a comparison becomes), `select` (the one rule), `control` (if,
while, for), `indexing`; then `decorator`, which turns an ordinary function into its relaxation.

Source: Petersen, Borgelt, Kuehne, Deussen, "Learning with Algorithmic Supervision via Continuous
Relaxations", NeurIPS 2021 (arXiv 2110.05651).
"""
