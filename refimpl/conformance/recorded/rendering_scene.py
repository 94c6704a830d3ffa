"""Recorded numbers of gendr's cameras, normals, lighting, losses, voxels and whole pipelines."""

from __future__ import annotations

from typing import Any

from refimpl.autograd import array_namespace, stop_gradient, to_numpy
from refimpl.rendering import camera, lighting, losses, mesh, voxels
from refimpl.rendering.renderer import render

from . import recorded
from .rendering_images import gendr_settings, moved
from .sorting_networks import Inputs, Record


@recorded("gendr", "gendr.functional.look_at")
def _look_at(inputs: Inputs, record: Record) -> Inputs:
    given = inputs["vertices"], inputs["eye"], inputs["at"], inputs["up"]
    return {"vertices": camera.look_at(*given, only_rotate=record["params"]["only_rotate"])}


@recorded("gendr", "gendr.functional.look")
def _look(inputs: Inputs, record: Record) -> Inputs:
    given = inputs["vertices"], inputs["eye"], inputs["direction"], inputs["up"]
    return {"vertices": camera.look(*given)}


@recorded("gendr", "gendr.transform.perspective")
def _perspective(inputs: Inputs, record: Record) -> Inputs:
    return {"vertices": camera.perspective(inputs["vertices"], record["params"]["angle"])}


@recorded("gendr", "gendr.transform.orthogonal")
def _orthogonal(inputs: Inputs, record: Record) -> Inputs:
    return {"vertices": camera.orthogonal(inputs["vertices"], record["params"]["scale"])}


@recorded("gendr", "gendr.functional.get_points_from_angles")
def _eye(inputs: Inputs, record: Record) -> Inputs:
    given = inputs["distance"], inputs["elevation"], inputs["azimuth"]
    return {"eye": camera.eye_from_angles(*given, degrees=record["params"]["degrees"])}


@recorded("gendr", "gendr.Projection.transform")
def _projection(inputs: Inputs, record: Record) -> Inputs:
    given = inputs["vertices"], inputs["P"], inputs["dist_coeffs"]
    size = record["params"]["orig_size"]
    return {"vertices": camera.projection(*given, original_size=size)}


@recorded("gendr", "experiments.opt_camera.transform_cameras")
def _poses(inputs: Inputs, record: Record) -> Inputs:
    return {"vertices": posed(inputs["vertices"], inputs["poses"], inputs["additional_poses"])}


def posed(vertices: Any, poses: Any, additional: Any) -> Any:
    """Rotate by the additional pose, then look from the pose and project; poses are columns of
    distance, elevation, azimuth and half the opening angle, in degrees. Upstream makes a new tensor
    of the angle, which therefore gets no gradient.
    """
    first = camera.eye_from_angles(*(additional[:, k] for k in range(3)))
    turned = camera.look_at(vertices, first, only_rotate=True)
    seen = camera.look_at(turned, camera.eye_from_angles(*(poses[:, k] for k in range(3))))
    return camera.perspective(seen, stop_gradient(poses[:, 3]))


@recorded("gendr", "gendr.functional.face_vertices")
def _corners(inputs: Inputs, record: Record) -> Inputs:
    return {"face_vertices": mesh.face_vertices(inputs["vertices"], inputs["faces"])}


@recorded("gendr", "gendr.Mesh.surface_normals")
def _surface_normals(inputs: Inputs, record: Record) -> Inputs:
    corners = mesh.face_vertices(inputs["vertices"], inputs["faces"])
    return {"normals": mesh.surface_normals(corners)}


@recorded("gendr", "gendr.functional.vertex_normals")
def _vertex_normals(inputs: Inputs, record: Record) -> Inputs:
    return {"normals": mesh.vertex_normals(inputs["vertices"], inputs["faces"])}


@recorded("gendr", "gendr.functional.ambient_lighting")
def _ambient(inputs: Inputs, record: Record) -> Inputs:
    params = record["params"]
    light = lighting.ambient(inputs["light"], params["light_intensity"], params["light_color"])
    return {"light": light}


@recorded("gendr", "gendr.functional.directional_lighting")
def _directional(inputs: Inputs, record: Record) -> Inputs:
    params = record["params"]
    options = params["light_intensity"], params["light_color"], params["light_direction"]
    return {"light": lighting.directional(inputs["light"], inputs["normals"], *options)}


@recorded("gendr", "gendr.Lighting")
def _lighting(inputs: Inputs, record: Record) -> Inputs:
    params = record["params"]
    light = lighting.Lighting(
        params["intensity_ambient"],
        params["color_ambient"],
        params["intensity_directionals"],
        params["color_directionals"],
        params["directions"],
    )
    given = inputs["vertices"], inputs["faces"], inputs["textures"]
    return {"textures": light(*given, params["texture_type"])}


def _averaged(loss: Any, params: Record) -> Any:
    return array_namespace(loss).mean(loss) if params["average"] else loss


@recorded("gendr", "gendr.LaplacianLoss")
def _laplacian(inputs: Inputs, record: Record) -> Inputs:
    loss = losses.laplacian_loss(inputs["vertices"], inputs["faces"])
    return {"loss": _averaged(loss, record["params"])}


@recorded("gendr", "gendr.FlattenLoss", ignored=("x",))
def _flatten(inputs: Inputs, record: Record) -> Inputs:
    loss = losses.flatten_loss(inputs["vertices"], inputs["faces"], record["params"]["eps"])
    return {"loss": _averaged(loss, record["params"])}


@recorded("gendr", "experiments.opt_shape.iou_loss")
def _iou_mean(inputs: Inputs, record: Record) -> Inputs:
    return {"loss": losses.iou_loss(inputs["predict"], inputs["target"])}


@recorded("gendr", "experiments.train_reconstruction.iou")
def _iou(inputs: Inputs, record: Record) -> Inputs:
    return {"loss": 1 - losses.iou_loss(inputs["predict"], inputs["target"])}


@recorded("gendr", "experiments.opt_camera.iou_loss")
def _iou_sum(inputs: Inputs, record: Record) -> Inputs:
    return {"loss": losses.iou_loss(inputs["predict"], inputs["target"], "sum")}


@recorded("gendr", "experiments.opt_shape.mse_loss")
def _mse_mean(inputs: Inputs, record: Record) -> Inputs:
    return {"loss": losses.squared_error(inputs["predict"], inputs["target"])}


@recorded("gendr", "experiments.opt_camera.mse_loss")
def _mse_sum(inputs: Inputs, record: Record) -> Inputs:
    return {"loss": losses.squared_error(inputs["predict"], inputs["target"], "sum")}


@recorded("gendr", "experiments.train_reconstruction.multiview_iou_loss")
def _multiview(inputs: Inputs, record: Record) -> Inputs:
    given = inputs["predicts"], inputs["targets_a"], inputs["targets_b"]
    return {"loss": losses.multiview_iou_loss(*given)}


@recorded("gendr", "experiments.opt_shape.Model.forward")
def _parametrisation(inputs: Inputs, record: Record) -> Inputs:
    vertices = losses.deformed(inputs["template"], inputs["displace"], inputs["center"])
    faces = inputs["faces"]
    xp = array_namespace(vertices)
    return {
        "vertices": vertices,
        "laplacian": xp.mean(losses.laplacian_loss(vertices, faces)),
        "flatten": xp.mean(losses.flatten_loss(vertices, faces)),
    }


@recorded("gendr", "gendr.functional.voxelization")
def _voxels(inputs: Inputs, record: Record) -> Inputs:
    params, corners = record["params"], inputs["face_vertices"]
    size = params["size"]
    if params["normalize"]:
        corners = corners * (size / (size - 1)) + 0.5
    return moved({"voxels": voxels.voxelize(corners, size)}, corners)


@recorded("gendr", "experiments.train_reconstruction.Model.evaluate_iou")
def _evaluation(inputs: Inputs, record: Record) -> Inputs:
    corners = mesh.face_vertices(inputs["vertices"], inputs["faces"])
    size = inputs["voxels"].shape[-1]
    found = voxels.reconstruction_iou(corners, to_numpy(inputs["voxels"]), size)
    return moved({"iou": found}, corners)


@recorded("gendr", "gendr.Lighting -> gendr.LookAt -> gendr.GenDR")
def _pipeline(inputs: Inputs, record: Record) -> Inputs:
    params, vertices, faces = record["params"], inputs["vertices"], inputs["faces"]
    kind = params["texture_type"]
    textures = lighting.Lighting()(vertices, faces, inputs["textures"], kind)
    seen = camera.look_at(vertices, inputs["eye"])
    seen = camera.perspective(seen, params["viewing_angle"])
    if kind == "vertex":
        textures = mesh.face_vertices(textures, faces)
    settings = gendr_settings(params)
    return {"image": render(mesh.face_vertices(seen, faces), textures, settings)}
