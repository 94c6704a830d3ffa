"""Two angles of a camera are recovered from one silhouette, with the scale annealed.

    python docs/examples/render_camera.py [FOLDER]         writes FOLDER/camera.gif

Needs Pillow. `refimpl run camera` recovers distance and opening, too, for many poses.
"""

import sys
from pathlib import Path

import numpy as np

from refimpl.autograd import Array, value_and_grad
from refimpl.progress import progress
from refimpl.rendering.camera import eye_from_angles, look_at, perspective
from refimpl.rendering.losses import iou_loss
from refimpl.rendering.mesh import face_vertices
from refimpl.rendering.pictures import write_gif
from refimpl.rendering.renderer import silhouette
from refimpl.rendering.settings import Settings, hard_rasteriser
from refimpl.rendering.shapes import extruded
from refimpl.training.optimizers import adam

LETTER = extruded(["###", "#..", "##.", "#..", "#.."])
TRUTH = np.array([25.0, 40.0])  # elevation and azimuth


def seen(angles: Array, settings: Settings) -> Array:
    eye = eye_from_angles(2.732, angles[0], angles[1])
    corners = face_vertices(perspective(look_at(LETTER.vertices, eye), 15.0), LETTER.faces)
    return silhouette(corners, settings)


def main(folder: Path, steps: int = 60, size: int = 32) -> np.ndarray:
    goal = seen(TRUTH, hard_rasteriser(image_size=size))
    optimizer = adam(1.5, betas=(0.5, 0.99))
    angles = np.array([5.0, 10.0])
    state, frames = optimizer.init(angles), []
    for scale in progress(np.logspace(-2, -5, steps), "camera"):
        settings = Settings(
            image_size=size, distribution="logistic", scale=scale, squared=True, dist_eps=100.0
        )

        def loss(angles: Array, settings: Settings = settings) -> Array:
            return iou_loss(seen(angles, settings), goal)

        _, gradient = value_and_grad(loss)(angles)
        frame = np.stack([1 - goal, 1 - goal, 1 - seen(angles, settings)], axis=-1)
        frames.append(np.kron(frame, np.ones((4, 4, 1))))
        angles, state = optimizer.update(gradient, state, angles)
    write_gif(folder / "camera.gif", frames)
    return angles


if __name__ == "__main__":
    found = main(Path(sys.argv[1] if len(sys.argv) > 1 else "."))
    print(f"elevation, azimuth: {found.round(2)}, truth {TRUTH}")
