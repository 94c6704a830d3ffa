"""Recorded numbers of algovision: shortest paths, tables, graphs and silhouettes."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from refimpl.relaxation.programs.bellman_ford import bellman_ford
from refimpl.relaxation.programs.dynamic_time_warping import dynamic_time_warping
from refimpl.relaxation.programs.floyd_warshall import floyd_warshall
from refimpl.relaxation.programs.levenshtein import levenshtein
from refimpl.relaxation.programs.shortest_path import shortest_path
from refimpl.relaxation.programs.silhouette import silhouette

from . import recorded
from .relaxation_language import direct

Inputs = dict[str, Any]
Record = Mapping[str, Any]
EQUALITIES = {"CatProbEq": "relaxed", "CosineSimilarity": "cosine"}
CONORMS = {"yager_1": ("yager", 1.0), "probabilistic": ("probabilistic", None)}


@recorded("algovision", "examples.shortest_path.get_shortest_path")
def _path(inputs: Inputs, record: Record) -> Inputs:
    params = record["params"]
    conorm, p = CONORMS.get(params["t_conorm"], (params["t_conorm"], params["p"]))
    path, distance, predecessor = shortest_path(
        inputs["cost"],
        beta=params["beta"],
        rounds=params["n_iter"],
        conorm=conorm,
        p=p,
        loop=params["loop_type"],
        published=True,
    )
    return {"tracked_path": path, "d": distance, "d_predecessor": predecessor}


@direct("lev_")
def _levenshtein(inputs: Inputs, params: Record) -> Inputs:
    equality = EQUALITIES[params["equality"]]
    options = {"beta": params["beta"], "beta_min": params["beta_min"], "equality": equality}
    return {"d": levenshtein(inputs["s"], inputs["t"], **options)}


@direct("dtw_")
def _warping(inputs: Inputs, params: Record) -> Inputs:
    return {"D": dynamic_time_warping(inputs["x"], inputs["y"], beta=params["beta"], big=1e6)}


@direct("floyd_warshall")
def _floyd_warshall(inputs: Inputs, params: Record) -> Inputs:
    return {"W": floyd_warshall(inputs["W"], beta=params["beta"], pin_diagonal=False)}


@direct("bellman_ford")
def _bellman_ford(inputs: Inputs, params: Record) -> Inputs:
    return {"d": bellman_ford(inputs["W"], beta=params["beta"], big=params["inf"])}


@direct("silhouette")
def _silhouette(inputs: Inputs, params: Record) -> Inputs:
    size = {"height": params["H"], "width": params["W"]}
    return {"img": silhouette(inputs["tri"], beta=params["beta"], **size)}
