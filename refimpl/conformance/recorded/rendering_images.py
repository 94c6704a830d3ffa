"""Recorded images of gendr, SoftRas and DIB-R."""

from __future__ import annotations

from typing import Any

from refimpl.autograd import array_namespace, is_traced, like_array, to_numpy
from refimpl.rendering.renderer import render, silhouette
from refimpl.rendering.settings import Settings, dib_r, soft_rasteriser
from refimpl.tnorms import FAMILIES

from . import recorded
from .sorting_networks import Inputs, Record

SHAPED = ("gamma", "gamma_rev")
SHIFTED = ("exponential", "exponential_rev", "levy", "levy_rev", *SHAPED)


def gendr_settings(params: Record) -> Settings:
    """The options of gendr by the names of this package; those left out have gendr's defaults."""
    law, t_conorm = params["dist_func"], params["aggr_alpha_func"]
    options: dict[str, Any] = {
        "image_size": params["image_size"],
        "distribution": law,
        "scale": params["dist_scale"],
        "squared": params.get("dist_squared", False),
        "dist_eps": params.get("dist_eps", 1e4),
        "t_conorm": t_conorm,
        "colour": params.get("aggr_rgb_func", "softmax"),
        "gamma": params.get("aggr_rgb_gamma", 1e-3),
        "eps": params.get("aggr_rgb_eps", 1e-3),
        "near": params.get("near", 1.0),
        "far": params.get("far", 100.0),
        "double_side": params.get("double_side", False),
        "texture_type": params.get("texture_type", "surface"),
        "background": params.get("background_color", (0.0, 0.0, 0.0)),
        "anti_aliasing": params.get("anti_aliasing", False),
        "upstream_compatible": True,
    }
    if law in SHAPED:
        options["shape"] = params["dist_shape"]
    if law in SHIFTED:
        options["shift"] = params["dist_shift"]
    if FAMILIES[t_conorm].parameter:
        options["t_conorm_p"] = params["aggr_alpha_t_conorm_p"]
    return Settings(**options)


@recorded("gendr", "gendr.functional.render")
def _render(inputs: Inputs, record: Record) -> Inputs:
    params = record["params"]
    settings = gendr_settings(params)
    if params.get("output") == "alpha":
        return {"alpha": silhouette(inputs["face_vertices"], settings)}
    image = render(inputs["face_vertices"], inputs["textures"], settings)
    return {"image": masked(image, inputs)}


def moved(found: Inputs, like: Any) -> Inputs:
    """Host results with the library of `like`."""
    return {k: v if is_traced(v) else like_array(to_numpy(v), like) for k, v in found.items()}


def masked(image: Any, inputs: Inputs) -> Any:
    """Pixels at which upstream reads texels of other faces are left out of a record."""
    mask = inputs.get("valid_mask")
    return image if mask is None else array_namespace(image).where(mask[:, None, ...], image, 0.0)


@recorded("softras")
def _soft_rasteriser(inputs: Inputs, record: Record) -> Inputs:
    """SoftRas colours both sides with fill_back; its alpha "prod" is the probabilistic t-conorm."""
    params = record["params"]
    settings = soft_rasteriser(
        params["sigma_val"],
        params["gamma_val"],
        dist_eps=params["dist_eps"],
        eps=params["eps"],
        colour=params["aggr_func_rgb"],
        texture_type=params["texture_type"],
        double_side=params["fill_back"],
        near=params["near"],
        far=params["far"],
        image_size=params["image_size"],
        upstream_compatible=True,
    )
    return {"image": render(inputs["face_vertices"], inputs["textures"], settings)}


@recorded("dibr", parts={"face_vertices_xy": ("face_vertices", lambda g: g[..., :2])})
def _dib_r(inputs: Inputs, record: Record) -> Inputs:
    params, vertices = record["params"], inputs["face_vertices"]
    settings = dib_r(params["delta"], image_size=params["image_size"])
    return {"alpha": silhouette(vertices, settings)}
