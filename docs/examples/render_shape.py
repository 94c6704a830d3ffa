"""A sphere becomes a box: its vertices are optimised until its silhouettes are those of a cube.

    python docs/examples/render_shape.py [FOLDER]          writes FOLDER/shape.gif

Needs Pillow. `refimpl run shape` does it for any mesh, with all options.
"""

import sys
from pathlib import Path

import numpy as np

from refimpl.progress import progress
from refimpl.rendering.fitting import fit_shape, orbit
from refimpl.rendering.pictures import write_gif
from refimpl.rendering.renderer import silhouette
from refimpl.rendering.settings import Settings, hard_rasteriser
from refimpl.rendering.shapes import cube, superquadric


def main(folder: Path, steps: int = 40, size: int = 32) -> list[float]:
    azimuths = [0.0, 90.0, 180.0, 270.0]
    target, sphere = cube(0.5), superquadric(9, 16, 0.45)
    goal = silhouette(
        orbit(target.vertices, target.faces, azimuths), hard_rasteriser(image_size=size)
    )
    settings = Settings(
        image_size=size, distribution="logistic", scale=1e-3, squared=True, dist_eps=100.0
    )
    losses, frames = [], []
    run = fit_shape(
        np.asarray(sphere.vertices), sphere.faces, goal, azimuths, settings, steps=steps
    )
    for report in progress(run, "shape", total=steps):
        losses.append(report.iou)
        seen = silhouette(orbit(report.vertices, sphere.faces, azimuths), settings)
        rows = [np.concatenate(list(images), axis=1) for images in (goal, seen)]
        frames.append(np.kron(1 - np.concatenate(rows), np.ones((3, 3))))
    write_gif(folder / "shape.gif", frames)
    return losses


if __name__ == "__main__":
    found = main(Path(sys.argv[1] if len(sys.argv) > 1 else "."))
    print(f"IoU loss {found[0]:.3f} -> {found[-1]:.3f}")
