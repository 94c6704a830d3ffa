"""The silhouette of a letter by four distributions and three t-conorms, as one picture.

    python docs/examples/render_gallery.py [FOLDER]        writes FOLDER/gallery.png

Needs Pillow. `refimpl run render` draws all of them.
"""

import sys
from pathlib import Path

import numpy as np

from refimpl.progress import progress
from refimpl.rendering.camera import eye_from_angles, look_at, perspective
from refimpl.rendering.mesh import face_vertices
from refimpl.rendering.pictures import write_png
from refimpl.rendering.renderer import silhouette
from refimpl.rendering.settings import Settings
from refimpl.rendering.shapes import extruded

ROWS = ("uniform", "logistic", "cauchy", "exponential_rev")
COLUMNS = (("max", None), ("probabilistic", None), ("yager", 2.0))


def pictures(size: int) -> list[list[np.ndarray]]:
    """Silhouettes (size, size), a row for each distribution, a column for each t-conorm."""
    letter = extruded(["###", "#..", "##.", "#..", "#.."])
    eye = eye_from_angles(2.732, 20.0, 30.0)
    corners = face_vertices(perspective(look_at(letter.vertices, eye), 15.0), letter.faces)
    rows = []
    for law in progress(ROWS, "gallery"):
        images = []
        for t_conorm, p in COLUMNS:
            settings = Settings(
                image_size=size, distribution=law, scale=0.02, t_conorm=t_conorm, t_conorm_p=p
            )
            images.append(silhouette(corners, settings))
        rows.append(images)
    return rows


def main(folder: Path, size: int = 48) -> Path:
    rows = [np.concatenate(images, axis=1) for images in pictures(size)]
    write_png(folder / "gallery.png", 1 - np.concatenate(rows))
    return folder / "gallery.png"


if __name__ == "__main__":
    print(main(Path(sys.argv[1] if len(sys.argv) > 1 else ".")))
