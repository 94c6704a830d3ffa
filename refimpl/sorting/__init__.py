"""Differentiable sorting, ranking and selection."""
