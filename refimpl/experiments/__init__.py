"""Experiments: `refimpl run NAME`. Each is a module with DESCRIPTION, add_options and run."""

from __future__ import annotations

from collections.abc import Mapping

EXPERIMENTS: Mapping[str, tuple[str, str]] = {
    "sorting": ("digit_sorting", "numbers read from the order of their images, by every sort"),
    "topk": ("topk", "top-k losses beside cross-entropy, on pairs of digits"),
    "levenshtein": ("edit_distance", "letters read from edit distances alone"),
    "shortest-path": ("grid_costs", "costs of a terrain learned from shortest paths alone"),
    "silhouette": ("triangles", "triangles reconstructed from their silhouettes alone"),
    "smoothing": ("smoothing_study", "bias and variance of smoothed gradients, against the truth"),
    "knapsack": ("knapsack", "packing with predicted weights: trained by regret, and to predict"),
    "isaac": ("isaac", "input-based curvature beside plain gradients, on MNIST"),
    "newton": ("newton", "Newton losses beside plain losses of relaxed sorts"),
    "logic": ("logic_networks", "logic gate networks on MONK, Adult, breast cancer, MNIST"),
    "render": ("render_gallery", "one mesh by every distribution and t-conorm, as a picture"),
    "shape": ("shape_fit", "a sphere deformed until its silhouettes are those of a shape"),
    "camera": ("camera_fit", "the pose of a camera recovered from a silhouette"),
}
"""The module of each experiment and what it shows, in a line."""
